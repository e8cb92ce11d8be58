"""What becomes of open promotions when those who reviewed them may do more or less than before: a
reviewer who is disabled or has lost the role does not count, and counts again when that is undone.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.queue import enqueue, task
from app.core.runtime import Runtime
from app.identities.moments import standing_changed
from app.promotions import queries
from app.promotions.service.following import settle_each


@standing_changed.subscribe
async def follow_standing(session: AsyncSession, identity_ids: Sequence[UUID]) -> None:
    """A job goes through what they reviewed: that may be of many models, and none of these may be
    taken while an identity is held. Who reads or applies a single one does not wait for it."""
    if await queries.have_open_reviews(session, identity_ids):
        await enqueue(session, restand, args={"reviewers": [str(each) for each in identity_ids]})


@task("promotions.restand")
async def restand(runtime: Runtime, *, reviewers: list[str]) -> None:
    """Judge the undecided promotions that these identities reviewed, each in a transaction of its
    own."""
    await settle_each(runtime, reviewers=[UUID(each) for each in reviewers])
