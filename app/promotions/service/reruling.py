"""What becomes of open promotions when the policy changes: those whose stage now has another rule
move to the new revision, and reviews that saw the old one do not count any more."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.queue import enqueue, task
from app.core.runtime import Runtime
from app.models.tables import Model
from app.policies.moments import changed, default_changed
from app.promotions import queries
from app.promotions.service.following import has_changed, settle_one
from app.promotions.service.judging import settle

LOOKED_AT_ONCE = 200


@changed.subscribe
async def follow_policy(session: AsyncSession, _: Actor, model: Model) -> None:
    """In the transaction in which a model's policy changes."""
    now = await clock(session)
    for case in await queries.undecided_of_model(session, model.id):
        await settle(session, case, now)
    await session.flush()


@default_changed.subscribe
async def follow_default(session: AsyncSession, _: Actor) -> None:
    """The default concerns every model, so a job goes through them. Whoever reads, reviews or
    applies a promotion does not wait for it: it is judged anew then."""
    await enqueue(session, rerule, args={}, queueing_lock="promotions.rerule")


@task("promotions.rerule")
async def rerule(runtime: Runtime) -> None:
    """Judge every undecided promotion anew, each in a transaction of its own."""
    after: UUID | None = None
    while True:
        async with runtime.db.reading() as session:
            found = await queries.undecided_after(session, after, LOOKED_AT_ONCE)
            now = await clock(session)
            changed_ones = [case for case in found if await has_changed(session, case, now)]
        for case in changed_ones:
            await settle_one(runtime, case)
        if len(found) < LOOKED_AT_ONCE:
            return
        after = found[-1].promotion.id
