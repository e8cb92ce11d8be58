"""Whether this process can do its work (PostgreSQL, the schema and the blob store), and what is
measured of the whole service."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.access.rules import may
from app.access.table import Permission
from app.core import schema
from app.core.actor import Actor
from app.core.metrics import Measured
from app.core.runtime import Runtime
from app.meta import queries
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
            runtime.store_check,
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


async def measured(runtime: Runtime, actor: Actor) -> list[Measured]:
    """What the database knows of the store, also of what workers do, which answer nobody.

    Only for admins, and for those without any grant: who may send bytes could tell from the totals
    whether theirs were here already. Nothing where the database does not answer in time: what this
    process counted must be told all the same.
    """
    if actor.grants and not may(actor, Permission.STORAGE_READ):
        return []
    try:
        async with asyncio.timeout(SECONDS), runtime.db.reading() as session:
            found = await queries.counts(session)
    except (SQLAlchemyError, TimeoutError) as error:
        log.warning("not_measured", reason=str(error)[:500] or type(error).__name__)
        return []
    since = found.oldest_check_at
    age = 0.0 if since is None else (datetime.now(UTC) - since).total_seconds()
    return [
        Measured("stageward_blobs", "Blobs that are stored.", found.blobs),
        Measured("stageward_blob_bytes", "Bytes of all blobs.", found.bytes),
        Measured(
            "stageward_blob_unreferenced_bytes",
            "Bytes of blobs that no file points at and that wait to be freed.",
            found.unreferenced_bytes,
        ),
        Measured(
            "stageward_blobs_damaged",
            "Blobs that were missing, truncated or altered when they were last looked at.",
            found.damaged,
        ),
        Measured(
            "stageward_blob_oldest_check_age_seconds",
            "Time since that blob in use was looked at that was looked at longest ago.",
            age,
        ),
        Measured(
            "stageward_uploads",
            "Uploads under way: open takes bytes, received waits for its proof.",
            {"open": found.open_uploads, "received": found.received_uploads},
            label="status",
        ),
    ]
