"""Pointing aliases at versions."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import check
from app.access.table import Permission
from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.core.problems import InvalidRequest, NotFound, StaleRevision
from app.models import service as models
from app.models.conventions import alias_breaches
from app.models.problems import refuse_breaches
from app.models.tables import Model
from app.stages import queries
from app.stages.moments import aliased
from app.stages.problems import AliasIsStage, VersionUnusable
from app.stages.queries import AliasView, NamedVersion
from app.stages.rules import ALIAS_NAME, RESERVED_ALIAS
from app.stages.service.tenures import count_up_versions, usable
from app.stages.tables import Alias, AliasChange


async def point(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    name: str,
    version: int | str,
    *,
    protected: frozenset[str],
    if_match: str | None,
) -> AliasView:
    """Point an alias at a ready version. `protected` are the aliases that take a maintainer."""
    await _check_settable(session, actor, model, name, protected)
    counter = await models.lock(session, model)
    found = await _usable(session, model, version)
    current = await _current(session, model, name, if_match)
    if current is not None and current.alias.version_id == found.id:
        return current
    at = await clock(session)
    if current is None:
        refuse_breaches(model.name, alias_breaches(model.naming, name))
        changes = await queries.alias_changes_count(session, model.id, name)
        alias = Alias(model_id=model.id, name=name, revision=changes + 1)
        session.add(alias)
    else:
        alias = current.alias
        alias.revision += 1
        await count_up_versions(session, [alias.version_id])
    alias.version_id, alias.set_by, alias.set_at = found.id, actor.name, at
    await count_up_versions(session, [found.id])
    counter.revision += 1
    was = current.number if current else None
    _note(session, actor, model, name, was, found.number)
    await session.flush()
    await aliased.tell(session, actor, model, name)
    return AliasView(alias, found.number, found.name)


async def remove(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    name: str,
    *,
    protected: frozenset[str],
    if_match: str | None,
) -> None:
    """Remove an alias; its history stays."""
    await _check_settable(session, actor, model, name, protected)
    counter = await models.lock(session, model)
    current = await _current(session, model, name, if_match)
    if current is None:
        raise absent(model, name)
    await session.delete(current.alias)
    await count_up_versions(session, [current.alias.version_id])
    counter.revision += 1
    _note(session, actor, model, name, current.number, None)
    await session.flush()
    await aliased.tell(session, actor, model, name)


async def _check_settable(
    session: AsyncSession, actor: Actor, model: Model, name: str, protected: frozenset[str]
) -> None:
    if not ALIAS_NAME.fullmatch(name) or RESERVED_ALIAS.fullmatch(name):
        raise InvalidRequest(
            f"`{name[:100]}` is not a name that an alias may have.",
            errors=[
                {
                    "pointer": "alias",
                    "detail": "A letter, then up to 63 letters, digits, `_` or `-`; not `latest`, "
                    "and not `v` with digits, which would be taken for other things.",
                }
            ],
        )
    if await queries.has_stage(session, model.id, name.lower()):
        raise AliasIsStage(
            f"`{name}` is a stage of `{model.name}`, and `@{name}` always means its holder. Ask "
            f"for a promotion: POST /api/v1/models/{model.name}/versions/{{n}}/promotions."
        )
    if name in protected:
        check(actor, Permission.ALIASES_SET_PROTECTED, model.name)


async def _usable(session: AsyncSession, model: Model, ref: int | str) -> NamedVersion:
    if isinstance(ref, str) and ref.isascii() and ref.isdigit() and len(ref) < 10:
        ref = int(ref)
    version = await queries.lock_version(session, model.id, ref)
    if version is None or version.deleted:
        raise InvalidRequest(
            f"The model `{model.name}` has no version `{ref}`.",
            errors=[{"pointer": "/version", "detail": "Name a version by its number or name."}],
        )
    if not usable(version):
        state = "was recalled" if version.recalled else f"is {version.status}, not ready"
        raise VersionUnusable(
            f"Version {version.number} of `{model.name}` {state}. An alias points only at a ready "
            "version that was not recalled."
        )
    return version


async def _current(
    session: AsyncSession, model: Model, name: str, if_match: str | None
) -> AliasView | None:
    current = await queries.alias_named(session, model.id, name, lock=True)
    if current is not None:
        check_if_match(if_match, etag(current.alias.revision))
    elif if_match is not None:
        raise StaleRevision(f"There is no alias `{name}` now, and If-Match names one.")
    return current


def absent(model: Model, name: str) -> NotFound:
    """The problem that there is no such alias."""
    return NotFound(f"The model `{model.name}` has no alias `{name}`.")


def _note(
    session: AsyncSession, actor: Actor, model: Model, name: str, was: int | None, now: int | None
) -> None:
    session.add(
        AliasChange(model_id=model.id, name=name, from_number=was, to_number=now, actor=actor.name)
    )
    audit.record(
        session,
        actor,
        "alias.set" if now is not None else "alias.removed",
        subject=f"alias:{model.name}/{name}",
        model_id=model.id,
        model=model.name,
        version=now if now is not None else was,
        details={"from": was, "to": now},
    )
