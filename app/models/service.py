"""Making and changing models."""

from typing import Any
from urllib.parse import quote

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.core.problems import Conflict, NotFound
from app.models import queries
from app.models.moments import restored
from app.models.queries import with_counter
from app.models.schemas import ModelChange, ModelInput
from app.models.tables import Counter, Model

__all__ = [
    "absent",
    "create",
    "edit",
    "lock",
    "lock_any",
    "lock_every",
    "note",
    "quoted",
    "read_counter",
    "restore",
    "with_counter",
]


async def lock(session: AsyncSession, model: Model) -> Counter:
    """Hold the model until the end of the transaction, and read it again: take this before any
    other row's lock. A 404 where the model was deleted while one waited."""
    counter = await lock_any(session, model)
    await session.refresh(model)
    if model.deleted_at is not None:
        raise absent(model.name)
    return counter


async def lock_any(session: AsyncSession, model: Model) -> Counter:
    """The same for a model that may be deleted."""
    return await queries.lock_counter(session, model.id)


async def lock_every(session: AsyncSession) -> None:
    """Hold every model at once until the end of the transaction. Whoever does this holds no
    single model before it and takes none after it."""
    await queries.lock_every_model(session)


async def read_counter(session: AsyncSession, model: Model) -> Counter:
    """The model's counter as it is now, held by nobody."""
    return await queries.counter_of(session, model.id)


def absent(name: str) -> NotFound:
    """The problem with a model that is not there, or that the actor may not see."""
    return NotFound(f"There is no model `{name}`, or it is hidden from you.")


def quoted(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def note(session: AsyncSession, actor: Actor, model: Model, action: str, **details: Any) -> None:
    """Record an event about a model as a whole."""
    audit.record(
        session,
        actor,
        action,
        subject=f"model:{model.name}",
        model_id=model.id,
        model=model.name,
        details=details,
    )


async def create(session: AsyncSession, actor: Actor, wanted: ModelInput) -> Model:
    """Make a model; a taken name is refused by its unique index."""
    now = func.statement_timestamp()  # one time for both, whatever the clock does meanwhile
    model = Model(
        name=wanted.name,
        description=wanted.description,
        tags=wanted.tags,
        name_template=wanted.name_template,
        naming=None if wanted.naming is None else wanted.naming.model_dump(),
        created_by=actor.name,
        created_at=now,
        updated_at=now,
    )
    session.add(model)
    await session.flush()
    session.add(Counter(model_id=model.id))
    note(session, actor, model, "model.created", **wanted.model_dump(exclude={"name"}))
    await session.flush()
    return model


async def edit(
    session: AsyncSession, actor: Actor, model: Model, change: ModelChange, if_match: str | None
) -> Model:
    """Change what may change of a model; only what differs is written and recorded."""
    counter = await lock(session, model)
    check_if_match(if_match, etag(counter.revision))
    wanted = change.model_dump(exclude_unset=True)
    differs = audit.difference({key: getattr(model, key) for key in wanted}, wanted)
    if not differs:
        return model
    for key in differs:
        setattr(model, key, wanted[key])
    model.updated_at = await clock(session)
    counter.revision += 1
    note(session, actor, model, "model.edited", changes=differs)
    await session.flush()
    return model


async def restore(session: AsyncSession, actor: Actor, model: Model) -> Model:
    """Bring a deleted model back; one that is not deleted stays as it is (409)."""
    counter = await lock_any(session, model)
    await session.refresh(model)
    if model.purged_at is not None:
        raise absent(model.name)
    if model.deleted_at is None:
        raise Conflict(f"The model `{model.name}` is not deleted: there is nothing to restore.")
    model.deleted_at = model.deleted_by = None
    counter.revision += 1
    note(session, actor, model, "model.restored")
    await session.flush()
    await restored.tell(session, model)
    return model
