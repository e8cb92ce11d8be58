"""Telling that tokens end soon, once of each."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.db import clock
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.tokens import queries

AT_ONCE = 200


@periodic("tokens.warn", cron="23 * * * *")
async def warn(runtime: Runtime) -> None:
    """Every hour: record `token.expiring` of each token that has come into its last week."""
    while True:
        async with runtime.db.transaction() as session:
            if await warn_of_some(session) < AT_ONCE:
                return


async def warn_of_some(session: AsyncSession) -> int:
    """The same for at most so many; how many there were."""
    found = await queries.to_warn_of(session, AT_ONCE)
    now = await clock(session)
    for token, identity, owner in found:
        token.warned_at = now
        details = {
            "name": token.name,
            "identity": identity,
            "owner": owner,
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        }
        audit.record(session, None, "token.expiring", subject=f"token:{token.id}", details=details)
    await session.flush()
    return len(found)
