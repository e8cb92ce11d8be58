"""What higher rooms act upon when what somebody may do changes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import RIGHTS, Actor
from app.core.db import announce
from app.core.moments import Moment
from app.identities.tables import Identity

# Somebody may just have lost a role, by being disabled or by leaving a group.
power_lost: Moment[[AsyncSession]] = Moment()
# Somebody was disabled, by whom.
disabled: Moment[[AsyncSession, Actor, Identity]] = Moment()

# These identities may do more or less than before, or another one answers for them: by a grant, a
# group, being disabled or enabled, another owner.
standing_changed: Moment[[AsyncSession, Sequence[UUID]]] = Moment()


async def changes_standing(session: AsyncSession, identity_ids: Sequence[UUID]) -> None:
    """Have every process forget what these identities might do, and higher rooms act."""
    announce(session, RIGHTS)
    await standing_changed.tell(session, identity_ids)
