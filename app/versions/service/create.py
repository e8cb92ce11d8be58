"""Registering a version."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.models import service as models
from app.models.tables import Model
from app.versions.rules import RECIPE_FIELDS
from app.versions.schemas import VersionInput
from app.versions.service.drafts import wrote
from app.versions.service.naming import check_free_of_stages, render
from app.versions.service.note import note
from app.versions.service.parents import set_parents
from app.versions.tables import Version


async def create(
    session: AsyncSession, actor: Actor, model: Model, wanted: VersionInput
) -> Version:
    """Number a new draft of the model and record its recipe, under the model's lock."""
    counter = await models.lock(session, model)
    recipe: dict[str, Any] = wanted.model_dump(include={*RECIPE_FIELDS}, exclude_none=False)
    number = counter.last_number + 1
    created_at = await clock(session)
    name = wanted.name or render(model, number, created_at, {**recipe, "tags": wanted.tags})
    if name is not None:
        await check_free_of_stages(session, model, name)
    counter.last_number = number
    version = Version(
        model_id=model.id,
        number=number,
        name=name,
        name_rendered=wanted.name is None and name is not None,
        description=wanted.description,
        tags=wanted.tags,
        created_by_id=actor.identity_id,
        created_by=actor.name,
        created_at=created_at,
        updated_at=created_at,
        **recipe,
    )
    session.add(version)
    await session.flush()
    await wrote(session, actor, version)
    if wanted.parents:
        await set_parents(session, actor, version, wanted.parents)
    note(session, actor, model, version, "version.created", name=name, status="draft")
    return version
