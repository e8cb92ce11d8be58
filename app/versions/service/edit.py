"""Changing a version: all of a draft, two fields of a ready one."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match
from app.models import service as models
from app.models.tables import Model
from app.versions import queries
from app.versions.moments import annotated
from app.versions.problems import VersionIsReady
from app.versions.rules import RECIPE_FIELDS, STILL_CHANGES, frozen_fields
from app.versions.schemas import VersionChange
from app.versions.service.drafts import lock_version, wrote
from app.versions.service.naming import check_free_of_stages, check_rules, render
from app.versions.service.note import note
from app.versions.service.parents import set_parents
from app.versions.service.show import tag_of
from app.versions.tables import Version


async def edit(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    change: VersionChange,
    if_match: str | None,
) -> Version:
    """Change what the request names; only what differs is written and recorded."""
    await models.lock(session, model)
    version = await lock_version(session, version.id)
    check_if_match(if_match, tag_of(version))
    wanted = change.model_dump(exclude_unset=True)
    frozen = frozen_fields(version.status, set(wanted))
    if frozen:
        raise VersionIsReady(
            f"Version {version.number} is {version.status}: {', '.join(sorted(frozen))} cannot "
            f"change any more; {' and '.join(sorted(STILL_CHANGES))} can. Register a new version."
        )
    before = await _state(session, version, wanted)
    await _write(session, actor, model, version, change, wanted)
    differs = audit.difference(before, await _state(session, version, wanted))
    check_rules(model, version, differs)
    if not differs:
        return version
    if set(differs) - STILL_CHANGES or version.status != "ready":
        await wrote(session, actor, version)
    version.updated_at = await clock(session)
    version.revision += 1
    note(session, actor, model, version, "version.edited", changes=differs)
    await session.flush()
    if set(differs) & STILL_CHANGES:
        await annotated.tell(session, actor, model, version)
    return version


async def _state(session: AsyncSession, version: Version, wanted: dict[str, Any]) -> dict[str, Any]:
    state = {key: getattr(version, key) for key in {*wanted, "name"} - {"parents"}}
    if "parents" in wanted:
        # by id: their models may be hidden from who reads the event
        state["parents"] = await queries.parent_ids(session, version.id)
    return state


async def _write(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    change: VersionChange,
    wanted: dict[str, Any],
) -> None:
    for key, value in wanted.items():
        if key not in ("parents", "name"):
            setattr(version, key, value)
    if "parents" in wanted:
        await session.flush()
        await set_parents(session, actor, version, change.parents)
    if "name" in wanted:
        version.name, version.name_rendered = wanted["name"], False
    elif version.name_rendered and set(wanted) - {"description"}:
        recipe = {key: getattr(version, key) for key in (*RECIPE_FIELDS, "tags")}
        if version.status != "ready":
            version.name = render(model, version.number, version.created_at, recipe)
    if version.name is not None and version.status != "ready":
        await check_free_of_stages(session, model, version.name)
    await session.flush()
