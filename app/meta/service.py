"""Whether this process can do its work: PostgreSQL, the schema and the blob store."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text

from app.core import schema
from app.core.runtime import Runtime
from app.meta.schemas import Check, Readiness

SECONDS = 3.0
log = structlog.get_logger()


async def readiness(runtime: Runtime) -> Readiness:
    """Every check, all at once, each for three seconds at most."""
    checks = await asyncio.gather(
        _checked(
            "postgresql",
            lambda: _postgresql(runtime),
            "PostgreSQL answers.",
            "PostgreSQL does not answer. See that it runs, and that STAGEWARD_DATABASE_URL names "
            "it.",
        ),
        _checked(
            "schema",
            lambda: _schema(runtime),
            f"The schema is at revision {schema.expected_revision()}.",
            "The schema could not be looked at; see the other checks.",
        ),
        _checked(
            "blob_store",
            runtime.store.check,
            "The blob store answers.",
            "The blob store does not answer. See the STAGEWARD_S3_… settings, or the data "
            "directory.",
        ),
    )
    return Readiness(ready=all(check.ok for check in checks), checks=checks)


async def _postgresql(runtime: Runtime) -> None:
    async with runtime.db.reading() as session:
        await session.execute(text("select 1"))


async def _schema(runtime: Runtime) -> None:
    async with runtime.db.engine.connect() as connection:
        await schema.check(connection)


async def _checked(
    name: str, look: Callable[[], Awaitable[object]], well: str, remedy: str
) -> Check:
    """What was found. The reason of a failure goes to the log and not to the (anonymous) caller:
    it may name hosts and users."""
    try:
        async with asyncio.timeout(SECONDS):
            await look()
    except schema.SchemaError as error:  # its text has the remedy, and names no host
        return Check(name=name, ok=False, detail=str(error))
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer must come
        reason = str(error).strip() or type(error).__name__
        log.warning("not_ready", check=name, reason=reason[:500])
        return Check(name=name, ok=False, detail=remedy)
    return Check(name=name, ok=True, detail=well)
