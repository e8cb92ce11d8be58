"""What becomes of open promotions when something else happens: a stage or an alias changes its
holder, a version is withdrawn, described anew, measured or checked, time passes. All in the
transaction in which it happens."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.moments import checked
from app.core.actor import Actor
from app.core.db import clock
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.evaluations.moments import evaluated
from app.models import service as models
from app.models.tables import Model
from app.promotions import queries
from app.promotions.queries import PromotionView, evidence
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.service.judging import count_up, differs, end, is_overdue, judge_now, settle
from app.stages import service as stages
from app.stages.moments import aliased, moved
from app.stages.rules import Move
from app.versions.moments import annotated, withdrawn
from app.versions.tables import Version

LOOKED_AT_ONCE = 200


@moved.subscribe
async def follow_moves(
    session: AsyncSession, actor: Actor, model: Model, moves: list[Move]
) -> None:
    """Void what is about moving a version from where it no longer is; supersede what wants the
    exclusive stage that another version took; look again at what wants a stage that was left, and
    at what is compared with the holder of a stage."""
    exclusive = {s.name for s in await stages.stages_of_model(session, model.id) if s.exclusive}
    taken = moves[0]
    by_version = {move.version_id: move for move in moves}
    touched = exclusive & {stage for move in moves for stage in (move.from_stage, move.to_stage)}
    concerned = await queries.undecided(
        session, model.id, versions=list(by_version), stages=sorted(touched), comparing=True
    )
    if not concerned:
        return
    now = await clock(session)
    for case in concerned:
        promotion, move = case.promotion, by_version.get(case.version.id)
        if move is not None and move.to_stage != promotion.from_stage:
            why = f"Version {move.number} left the stage {promotion.from_stage}."
            end(session, actor, case, Status.VOIDED, now, why)
        elif promotion.to_stage == taken.to_stage and taken.to_stage in exclusive:
            why = f"Version {taken.number} took the stage {taken.to_stage}."
            end(session, actor, case, Status.SUPERSEDED, now, why)
        else:
            await settle(session, case, now)
    await session.flush()


@withdrawn.subscribe
async def follow_withdrawal(
    session: AsyncSession, actor: Actor, model: Model, version: Version, why: str
) -> None:
    """Void what is open for a version that may not be used any more."""
    now = await clock(session)
    for case in await _open_for(session, model, version):
        end(session, actor, case, Status.VOIDED, now, f"{why[:1].upper()}{why[1:]}.")
    await session.flush()


@annotated.subscribe
async def follow_annotation(
    session: AsyncSession, _: Actor, model: Model, version: Version
) -> None:
    """Reviews of a description that was edited do not count any more, and gates may ask for a
    description or for tags."""
    await _settle(session, await _open_for(session, model, version))


@checked.subscribe
async def follow_check(session: AsyncSession, _: Actor, model: Model, version: Version) -> None:
    """A gate may ask for the check that was reported."""
    await _settle(session, await _open_for(session, model, version))


@evaluated.subscribe
async def follow_evaluation(
    session: AsyncSession, _: Actor, model: Model, version: Version
) -> None:
    """A gate may ask for what was measured of the version, or compare others with it; and it is
    shown to the reviewers of the version and of those who would succeed it."""
    compared = await evidence.is_in_use(session, version.id)
    tenure = await stages.open_tenure(session, version.id) if compared else None
    holds = [tenure.stage] if tenure else []
    concerned = await queries.undecided(
        session, model.id, versions=[version.id], stages=holds, comparing=compared
    )
    revisions = {case.promotion.id: case.promotion.revision for case in concerned}
    await _settle(session, concerned)
    for promotion in (case.promotion for case in concerned):
        shown = promotion.version_id == version.id or promotion.to_stage in holds
        if shown and promotion.revision == revisions[promotion.id]:
            count_up(session, promotion)


@aliased.subscribe
async def follow_alias(session: AsyncSession, _: Actor, model: Model, __: str) -> None:
    """A gate may compare with the version behind the alias."""
    concerned = await queries.undecided(session, model.id, versions=[], stages=[], comparing=True)
    await _settle(session, concerned)


async def _settle(session: AsyncSession, cases: list[PromotionView]) -> None:
    if not cases:
        return
    now = await clock(session)
    for case in cases:
        await settle(session, case, now)
    await session.flush()


async def _open_for(session: AsyncSession, model: Model, version: Version) -> list[PromotionView]:
    return await queries.undecided(session, model.id, versions=[version.id], stages=[])


async def settle_one(runtime: Runtime, case: PromotionView) -> None:
    """Write down what has become of a promotion by the mere passing of time, or because somebody
    lost or gained a role. A transaction of its own."""
    async with runtime.db.transaction() as session:
        await models.lock_any(session, case.model)
        await queries.lock(session, case.promotion.id)
        found = await queries.view_and_clock(session, case.promotion.id)
        if found is not None and found[0].promotion.status in UNDECIDED:
            await settle(session, *found)


async def has_changed(session: AsyncSession, case: PromotionView, now: datetime) -> bool:
    """Whether a promotion is no longer what is written about it."""
    if case.promotion.status not in UNDECIDED:
        return False
    return is_overdue(case.promotion, now) or differs(
        case.promotion, await judge_now(session, case, now)
    )


@periodic("promotions.settle", cron="* * * * *")
async def settle_all(runtime: Runtime) -> None:
    """Every minute: let promotions expire, and follow changes of rights, so that lists show what
    is. Whoever reads or applies a single one does not wait for this."""
    await settle_each(runtime, only_touched=True)


async def settle_each(
    runtime: Runtime, *, only_touched: bool = False, reviewers: Sequence[UUID] | None = None
) -> None:
    """Judge every undecided promotion anew, or those that time or a change of rights may have
    touched, or that these reviewed; and write down what became of each in a transaction of its
    own."""
    after: UUID | None = None
    while True:
        async with runtime.db.reading() as session:
            found = await queries.undecided_after(
                session, after, LOOKED_AT_ONCE, only_touched=only_touched, reviewers=reviewers
            )
            now = await clock(session)
            changed = [case for case in found if await has_changed(session, case, now)]
        for case in changed:
            await settle_one(runtime, case)
        if len(found) < LOOKED_AT_ONCE:
            return
        after = found[-1].promotion.id
