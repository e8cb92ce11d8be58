"""Removing sign-ins that nobody finished, or whose token has ended."""

import structlog

from app.core.db import clock
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.signin import queries

log = structlog.get_logger()


@periodic("signin.sweep", cron="*/10 * * * *")
async def sweep_sign_ins(runtime: Runtime) -> None:
    """Every ten minutes, remove what has ended."""
    async with runtime.db.transaction() as session:
        swept = await queries.sweep(session, await clock(session))
    if swept:
        log.info("sign_ins_swept", count=swept)
