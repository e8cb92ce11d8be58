"""A version as it is shown right after it was registered: from what was written, read by nobody."""

from pydantic_core import to_json

from app.core.etags import etag
from app.core.schemas import rfc3339
from app.stages.rules import NO_STAGE
from app.versions.schemas import VersionOutput
from app.versions.service.registering import Draft, Told

_NEW = dict.fromkeys(VersionOutput.model_fields) | {
    "stage": NO_STAGE,
    "aliases": [],
    "parents": [],
    "files_count": 0,
    "size": 0,
    "stored": False,
    "overridden": False,
}
_SENT = frozenset(
    {
        *("description", "tags", "params", "metrics", "code", "datasets", "preprocessing"),
        *("environment", "seed", "signature", "run", "source"),
    }
)


def as_registered(draft: Draft, told: Told) -> tuple[bytes, str]:
    """The JSON of a version that was made of a draft without parents and files, and its ETag."""
    is_ready = draft.manifest_sha256 is not None
    at = rfc3339(told.at)
    answer = _NEW | draft.wanted.model_dump(include={*_SENT})
    answer |= {
        "model": draft.model,
        "number": told.number,
        "name": draft.name,
        "status": "ready" if is_ready else "draft",
        "manifest_sha256": draft.manifest_sha256,
        "recipe_sha256": draft.recipe_sha256,
        "authors": [draft.actor.name],
        "created_by": draft.actor.name,
        "created_at": at,
        "updated_at": at,
        "ready_at": at if is_ready else None,
    }
    return to_json(answer), etag(2 if is_ready else 1, told.id.int)
