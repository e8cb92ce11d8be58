"""Deleting versions and models. Rows stay, for the record; bytes are released."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import check
from app.access.table import Permission
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.models import service as models
from app.models.problems import ModelInUse
from app.models.tables import Model
from app.stages import service as stages
from app.versions import queries
from app.versions.moments import deleted, withdrawn
from app.versions.problems import VersionInUse
from app.versions.service.drafts import lock_version
from app.versions.service.note import note
from app.versions.service.show import tag_of
from app.versions.tables import Version


async def delete_version(
    session: AsyncSession, actor: Actor, model: Model, version: Version, if_match: str | None
) -> None:
    """Delete a version that nothing needs: its number stays taken, its bytes are released."""
    counter = await models.lock(session, model)
    version = await lock_version(session, version.id)
    check_if_match(if_match, tag_of(version))
    await _check_unused(session, actor, model, version)
    await _delete(session, actor, model, version)
    counter.latest_ready = await queries.latest_ready(session, model.id)
    counter.revision += 1
    await session.flush()


async def _check_unused(
    session: AsyncSession, actor: Actor, model: Model, version: Version
) -> None:
    view = await queries.view_of(session, version.id)
    reasons = []
    if view.stage not in (None, "archived"):
        reasons.append(f"it holds the stage `{view.stage}`")
    if view.aliases:
        reasons.append(f"the alias `{'`, `'.join(view.aliases)}` points at it")
    children = await queries.children_of(session, version.id)
    if children:
        reasons.append(f"it is a parent of {named(actor, children)}")
    if reasons:
        raise VersionInUse(
            f"Version {version.number} of `{model.name}` cannot be deleted: {'; '.join(reasons)}."
        )


async def _delete(session: AsyncSession, actor: Actor, model: Model, version: Version) -> None:
    version.deleted_at = version.updated_at = await clock(session)
    version.deleted_by = actor.name
    if version.status != "ready":
        version.status = "discarded"
        version.bytes_verified = version.bytes_to_verify = None
    version.revision += 1
    await stages.leave(session, version.id)
    note(session, actor, model, version, "version.deleted", size=version.size)
    await session.flush()
    await withdrawn.tell(session, actor, model, version, f"version {version.number} was deleted")
    await deleted.tell(session, version)


async def delete_model(
    session: AsyncSession, actor: Actor, model: Model, *, if_match: str | None, purge: bool
) -> None:
    """Hide a model; with `purge`, release the bytes of all its versions for good."""
    if purge:
        check(actor, Permission.MODELS_PURGE, model.name)
    counter = await models.lock_any(session, model)
    # whoever is about to name one of its versions as a parent holds the row until then
    await session.refresh(model, with_for_update=True)
    if model.purged_at is not None or (model.deleted_at is not None and not purge):
        raise models.absent(model.name)
    check_if_match(if_match, etag(counter.revision))
    await _check_model_unused(session, actor, model)
    now = await clock(session)
    if model.deleted_at is None:
        model.deleted_at, model.deleted_by = now, actor.name
        models.note(session, actor, model, "model.deleted")
    if purge:
        for version in await queries.undeleted(session, model.id):
            await stages.drop_aliases(session, version.id)
            await _delete(session, actor, model, await lock_version(session, version.id))
        model.purged_at = now
        counter.latest_ready = None
        models.note(session, actor, model, "model.purged")
    counter.revision += 1
    await session.flush()


def named(actor: Actor, children: list[tuple[str, int]]) -> str:
    """The versions that an actor may know of, and how many there are besides."""
    seen = [f"`{name}` {number}" for name, number in children if actor.role_on(name) is not None]
    if len(seen) < len(children):
        seen.append("versions in models that are hidden from you")
    return ", ".join(seen)


async def _check_model_unused(session: AsyncSession, actor: Actor, model: Model) -> None:
    held = await queries.held_stages(session, model.id)
    children = await queries.children_elsewhere(session, model.id)
    reasons = [f"version {number} holds the stage `{stage}`" for number, stage in held]
    if children:
        reasons.append(f"a version of it is a parent of {named(actor, children)}")
    if reasons:
        raise ModelInUse(f"The model `{model.name}` cannot be deleted: {'; '.join(reasons)}.")
