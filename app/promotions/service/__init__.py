"""The use cases of promotions, a file for each group of verbs."""

from app.promotions.service.applying import apply, override
from app.promotions.service.following import settle_all
from app.promotions.service.previewing import preview
from app.promotions.service.requesting import request
from app.promotions.service.reruling import rerule
from app.promotions.service.restanding import restand
from app.promotions.service.reviewing import cancel, review
from app.promotions.service.showing import (
    current,
    list_promotions,
    list_reviewable,
    show,
    show_review,
    watch,
)

__all__ = [
    "apply",
    "cancel",
    "current",
    "list_promotions",
    "list_reviewable",
    "override",
    "preview",
    "request",
    "rerule",
    "restand",
    "review",
    "settle_all",
    "show",
    "show_review",
    "watch",
]
