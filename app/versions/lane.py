"""The lane of `GET /models/{model}/versions/{ref}`, which every serving host asks all day."""

from collections.abc import Mapping
from typing import Any, cast

import psycopg

from app.access.table import Permission
from app.edge.lanes import Lane
from app.stages.rules import NO_STAGE
from app.versions.rendering import Rendered
from app.versions.resolver import Resolver


async def _find(state: Any, values: Mapping[str, str]) -> Rendered | None:
    """The version that is meant, if it is exactly one. `none` may have to look at every version of
    a model, and would keep the others waiting."""
    ref, resolver = values["ref"], cast("Resolver", state.resolver)
    if ref.lower() == NO_STAGE:
        return None
    try:
        found = await resolver(values["model"], ref)
    except psycopg.Error:
        return None  # the route asks once more, by itself, and says what it was
    return found[0] if len(found) == 1 else None


LANE = Lane("/api/v1/models/{model}/versions/{ref}", Permission.VERSIONS_READ, _find)
