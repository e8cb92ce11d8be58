"""Versions as lineage shows them."""

from typing import Any

from app.lineage.queries.datasets import Wanted
from app.lineage.queries.places import Place
from app.lineage.schemas import UsedDataset, VersionPlace


def fields(place: Place) -> dict[str, Any]:
    """What is shown of a version everywhere."""
    return {
        "model": place.model,
        "number": place.number,
        "version": place.number,
        "name": place.name,
        "status": place.status,
        "stage": place.stage,
        "recalled": place.recalled,
    }


def shown(place: Place) -> VersionPlace:
    """A version in a list."""
    return VersionPlace(**fields(place))


def used(place: Place, wanted: Wanted | None = None) -> list[UsedDataset]:
    """The data that a version used or, of it, what is wanted."""
    return [
        UsedDataset(**entry) for entry in place.datasets if wanted is None or wanted.is_in(entry)
    ]


def roles(place: Place, wanted: Wanted) -> list[str]:
    """What a version used a data set for."""
    return sorted({entry.role for entry in used(place, wanted)})
