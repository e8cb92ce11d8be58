"""What becomes of open promotions when the policy changes: those whose stage now has another rule
move to the new revision, and reviews that saw the old one do not count any more."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.queue import enqueue, task
from app.core.runtime import Runtime
from app.models.tables import Model
from app.policies.moments import changed, default_changed
from app.promotions import queries
from app.promotions.service.following import settle_each
from app.promotions.service.judging import settle


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
    await settle_each(runtime, only_touched=False)
