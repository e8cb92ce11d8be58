"""What higher rooms act upon when the head of the chain was signed."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.moments import Moment
from app.seals.rules import Checkpoint

# A checkpoint was written. Told in its transaction, which holds the sealer's lock: who wants to
# bring it elsewhere writes down that it must be brought, and brings it after the commit.
checkpointed: Moment[[AsyncSession, Checkpoint]] = Moment()
