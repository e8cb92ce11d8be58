"""Every SELECT on promotions and reviews."""

from app.promotions.queries.changes import (
    FileDifference,
    Measured,
    files_differ,
    measured_on_same,
)
from app.promotions.queries.lists import (
    Wanted,
    page,
    page_for_reviewer,
)
from app.promotions.queries.predecessor import (
    Predecessor,
    predecessor,
)
from app.promotions.queries.promotions import (
    PromotionView,
    lock,
    lock_version,
    revision_of,
    twin_of,
    undecided,
    view_and_clock,
    view_of,
)
from app.promotions.queries.reviews import (
    ReviewView,
    group_names,
    identity_name,
    reviews_of,
    verdicts_on,
)
from app.promotions.queries.standing import (
    have_open_reviews,
    undecided_after,
    undecided_of_model,
)

__all__ = [
    "FileDifference",
    "Measured",
    "Predecessor",
    "PromotionView",
    "ReviewView",
    "Wanted",
    "files_differ",
    "group_names",
    "have_open_reviews",
    "identity_name",
    "lock",
    "lock_version",
    "measured_on_same",
    "page",
    "page_for_reviewer",
    "predecessor",
    "reviews_of",
    "revision_of",
    "twin_of",
    "undecided",
    "undecided_after",
    "undecided_of_model",
    "verdicts_on",
    "view_and_clock",
    "view_of",
]
