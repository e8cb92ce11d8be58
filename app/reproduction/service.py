"""The recipe of a version."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.files import service as files
from app.reproduction.rules import put_together
from app.reproduction.schemas import RecipeFile, RecipeOutput
from app.versions import service as versions
from app.versions.service import VersionView


async def recipe_of(session: AsyncSession, actor: Actor, view: VersionView) -> RecipeOutput:
    """All that it takes to make a version again, as this actor may see it."""
    made = [
        RecipeFile(path=file.path, size=file.size, sha256=file.sha256)
        for file in await files.files_of(session, view.version.id)
    ]
    return put_together(versions.as_output(view, actor).model_dump(), made)
