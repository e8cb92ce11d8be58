"""A version as it is shown."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.stages.rules import NO_STAGE
from app.versions import shown
from app.versions.queries import VersionView
from app.versions.rendering import rendered
from app.versions.rules import etag_of, is_stored
from app.versions.schemas import VersionOutput
from app.versions.tables import Version

_FROM_ROW = tuple(
    name
    for name in VersionOutput.model_fields
    if name not in {"model", "stage", "aliases", "authors", "parents", "stored", "redacted"}
)


def as_output(view: VersionView, actor: Actor) -> VersionOutput:
    """The answer for one version, as this actor may see it: without parents in hidden models."""
    version = view.version
    return VersionOutput(
        **{name: getattr(version, name) for name in _FROM_ROW},
        model=view.model,
        stage=view.stage or NO_STAGE,
        aliases=view.aliases,
        authors=view.authors,
        parents=[each for each in view.parents if actor.role_on(each["model"]) is not None],
        redacted=view.redacted,
        stored=is_stored(version.status, version.files_count, version.source),
    )


def resolved(version: Version) -> dict[str, str]:
    """The headers that say which version was found, where the answer itself does not."""
    recalled = {} if version.recalled is None else {"Version-Recalled": "true"}
    return {"Version-Number": str(version.number), **recalled}


async def show(session: AsyncSession, actor: Actor, version: Version) -> tuple[bytes, str]:
    """A version after a change, as PostgreSQL has it now: its JSON and its ETag."""
    await session.flush()
    found = rendered(await shown.of(session, version.id))
    return found.body(actor), found.tag


def tag_of(version: Version) -> str:
    """The ETag of a version."""
    return etag_of(version.id, version.revision)
