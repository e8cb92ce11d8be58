"""A version as it is shown."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.etags import etag
from app.stages.rules import NO_STAGE
from app.versions import queries
from app.versions.queries import VersionView
from app.versions.rules import is_stored
from app.versions.schemas import VersionOutput
from app.versions.tables import Version

_FROM_ROW = tuple(
    name
    for name in VersionOutput.model_fields
    if name not in {"model", "stage", "aliases", "authors", "parents", "stored"}
)


def as_output(view: VersionView) -> VersionOutput:
    """The answer for one version."""
    version = view.version
    return VersionOutput(
        **{name: getattr(version, name) for name in _FROM_ROW},
        model=view.model,
        stage=view.stage or NO_STAGE,
        aliases=view.aliases,
        authors=view.authors,
        parents=view.parents,
        stored=is_stored(version.status, version.files_count, version.source),
    )


async def show(session: AsyncSession, version: Version) -> tuple[VersionOutput, str]:
    """A version after a change, as PostgreSQL has it now, and its ETag."""
    await session.flush()
    view = await queries.view_of(session, version.id)
    return as_output(view), etag(view.version.revision)
