"""Who holds what, now and at any time before."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock
from app.core.pages import Page, bad_cursor, cut, decode_cursor, encode_cursor
from app.core.problems import InvalidRequest, NotFound
from app.models.tables import Model
from app.stages import queries
from app.stages.queries import AliasView, Holder, TransitionView
from app.stages.rules import ALIAS_NAME, STAGE_NAME
from app.stages.schemas import (
    AliasChangeOutput,
    AliasOutput,
    HolderOutput,
    StageAtOutput,
    StageOutput,
    StagesOutput,
    TransitionOutput,
)
from app.stages.service.aliases import absent
from app.stages.tables import AliasChange

LISTED = 100


async def overview(session: AsyncSession, model: Model) -> StagesOutput:
    """Every stage of a model with its holders."""
    found = await queries.stages_with_holders(session, model.id, LISTED)
    return StagesOutput(
        model=model.name,
        stages=[
            StageOutput(
                stage=each.stage.name,
                exclusive=each.stage.exclusive,
                count=each.count,
                holders=[_holder(holder) for holder in each.holders],
            )
            for each in found
        ],
    )


async def stage_at(
    session: AsyncSession, model: Model, name: str, at: datetime | None
) -> StageAtOutput:
    """Who held a stage at an instant; without one, who holds it now."""
    stage, exclusive = name.lower(), await _kind(session, model, name.lower())
    if exclusive is None:
        known = ", ".join(s.name for s in await queries.stages_of_model(session, model.id))
        raise NotFound(f"The model `{model.name}` has no stage `{name}`. It has: {known}.")
    now = await clock(session)
    if at is None:
        holding, count = await queries.holders_now(session, model.id, stage, LISTED)
    elif at > now:
        raise _future(now)
    else:
        holding, count = await queries.holders_at(session, model.id, stage, at, LISTED)
    one: dict[str, Any] = _one(holding[0]) if count == 1 else dict.fromkeys(_SHOWN_OF_ONE)
    return StageAtOutput(
        model=model.name,
        stage=stage,
        exclusive=exclusive,
        at=at or now,
        count=count,
        holders=[_holder(holder) for holder in holding],
        **one,
    )


async def _kind(session: AsyncSession, model: Model, name: str) -> bool | None:
    """Whether a stage is exclusive, or was when a policy took it away; None where it never was."""
    if not STAGE_NAME.fullmatch(name):
        return None
    stage = await queries.stage_named(session, model.id, name)
    if stage is not None:
        return stage.exclusive
    return await queries.was_exclusive(session, model.id, name)


_SHOWN_OF_ONE = ("number", "name", "since", "until", "promotion", "rollback")


def _one(holder: Holder) -> dict[str, Any]:
    return {field: getattr(holder, field) for field in _SHOWN_OF_ONE}


def _future(now: datetime) -> InvalidRequest:
    return InvalidRequest(
        f"Nobody knows yet who will hold the stage: it is {now:%Y-%m-%dT%H:%M:%S.%fZ} now.",
        errors=[{"pointer": "at", "detail": "Name a time that has passed, or leave it out."}],
    )


def _holder(holder: Holder) -> HolderOutput:
    return HolderOutput.model_validate(holder)


async def transitions(
    session: AsyncSession,
    model: Model,
    *,
    stage: str | None,
    version: int | None,
    cursor: str | None,
    limit: int,
) -> Page[TransitionOutput]:
    """What changed its stage, newest first."""
    rows = await queries.transitions_page(
        session,
        model.id,
        stage=stage and stage.lower(),
        number=version,
        before=_id_in(cursor),
        limit=limit,
    )
    found, more = cut(rows, limit)
    last = encode_cursor(found[-1].transition.id) if more else None
    return Page(items=[_transition(view) for view in found], next_cursor=last)


def _transition(view: TransitionView) -> TransitionOutput:
    row = view.transition
    return TransitionOutput(
        id=row.id,
        number=view.number,
        name=view.name,
        kind=row.kind,
        from_=row.from_stage,
        to=row.to_stage,
        reason=row.reason,
        actor=row.actor,
        at=row.at,
        promotion=row.promotion_id,
        rollback=row.rollback_id,
    )


def _id_in(cursor: str | None) -> int | None:
    key = decode_cursor(cursor, 1)
    if key is None:
        return None
    if not (key[0].isascii() and key[0].isdigit() and len(key[0]) < 19):
        raise bad_cursor()
    return int(key[0])


async def aliases(
    session: AsyncSession, model: Model, *, cursor: str | None, limit: int
) -> Page[AliasOutput]:
    """The aliases of a model, by name."""
    key = decode_cursor(cursor, 1)
    rows = await queries.aliases_page(session, model.id, key[0] if key else None, limit)
    found, more = cut(rows, limit)
    last = encode_cursor(found[-1].alias.name) if more else None
    return Page(items=[shown_alias(model, view) for view in found], next_cursor=last)


def shown_alias(model: Model, view: AliasView) -> AliasOutput:
    """The answer for one alias."""
    return AliasOutput(
        alias=view.alias.name,
        model=model.name,
        number=view.number,
        name=view.name,
        is_stage=False,
        set_by=view.alias.set_by,
        set_at=view.alias.set_at,
    )


async def alias(
    session: AsyncSession, model: Model, name: str
) -> tuple[AliasOutput, tuple[int, ...]]:
    """What an alias points at, and its revision. One that bears a stage's name means the holder of
    that stage; a 404 where there is none, or not just one."""
    if not ALIAS_NAME.fullmatch(name):
        raise absent(model, name)
    found = await queries.alias_named(session, model.id, name)
    stage = await queries.stage_named(session, model.id, name.lower())
    if stage is None:
        if found is None:
            raise absent(model, name)
        return shown_alias(model, found), (found.alias.revision,)
    holding, count = await queries.holders_now(session, model.id, stage.name, 1)
    if count != 1:
        holds = "nobody holds" if not count else f"{count} versions hold"
        raise NotFound(f"`{name}` is a stage of `{model.name}`, and {holds} it.")
    shown = AliasOutput(
        alias=name,
        model=model.name,
        number=holding[0].number,
        name=holding[0].name,
        is_stage=True,
        set_by=None,
        set_at=holding[0].since,
    )
    return shown, (holding[0].number, int(holding[0].since.timestamp() * 1e6))


async def alias_history(
    session: AsyncSession, model: Model, name: str, *, cursor: str | None, limit: int
) -> Page[AliasChangeOutput]:
    """What an alias pointed at, newest change first; also of one that was removed."""
    if not ALIAS_NAME.fullmatch(name):
        raise absent(model, name)
    rows = await queries.alias_changes_page(session, model.id, name, _id_in(cursor), limit)
    found, more = cut(rows, limit)
    last = encode_cursor(found[-1].id) if more else None
    return Page(items=[_change(row) for row in found], next_cursor=last)


def _change(row: AliasChange) -> AliasChangeOutput:
    return AliasChangeOutput(from_=row.from_number, to=row.to_number, by=row.actor, at=row.at)
