"""What a version's recipe is, and when it may change: decisions on plain values."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from app.core.canonical import digest_of
from app.core.etags import etag
from app.core.problems import NotFound
from app.versions.problems import AmbiguousReference

T = TypeVar("T")

# What recipe_sha256 covers: the frozen fields but the files, which manifest_sha256 covers.
RECIPE_FIELDS = (
    "params",
    "metrics",
    "code",
    "datasets",
    "preprocessing",
    "environment",
    "seed",
    "signature",
    "run",
    "source",
)
STILL_CHANGES = frozenset({"description", "tags"})
WRITABLE = frozenset({"draft", "failed"})


def only(found: list[T], model: str, ref: str) -> T:
    """The one version that a reference means, or a 404 or 409 that says why there is none."""
    if not found:
        raise NotFound(f"The model `{model}` has no version `{ref}`.")
    if len(found) > 1:
        raise AmbiguousReference(
            f"Several versions of `{model}` hold the stage `{ref}`. Name one by its number."
        )
    return found[0]


def etag_of(version_id: UUID, revision: int) -> str:
    """The ETag of a version. Its id is in it, because one address may lead to several versions: the
    next holder of a stage may have the revision that the one before had."""
    return etag(revision, version_id.int)


def recipe_digest(fields: Mapping[str, Any], parents: list[dict[str, Any]]) -> str:
    """The SHA-256 of the recipe's canonical JSON: every field, null or empty where there is none,
    and `parents` as `[{"model", "version"}]`, in order."""
    return digest_of({**{name: fields[name] for name in RECIPE_FIELDS}, "parents": parents})


def frozen_fields(status: str, changed: set[str]) -> set[str]:
    """Those of the fields that may not change any more, in this status."""
    return set() if status in WRITABLE else changed - STILL_CHANGES


def is_stored(status: str, files_count: int, source: str | None) -> bool:
    """Whether all content is held here and proven."""
    return status == "ready" and files_count > 0 and source is None
