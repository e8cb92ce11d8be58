"""Whether this process can do its work (PostgreSQL, the schema and the blob store), and what is
measured of the whole service."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.access.rules import may_read_totals
from app.blobs import service as blobs
from app.blobs.service import Totals
from app.core import schema
from app.core.actor import Actor
from app.core.metrics import Measured
from app.core.runtime import Runtime
from app.core.shared import SharedLook
from app.meta import queries
from app.meta.queries import UnderWay
from app.meta.schemas import Check, Readiness

SECONDS = 3.0
log = structlog.get_logger()


async def readiness(runtime: Runtime) -> Readiness:
    """Every check, all at once, each for three seconds at most."""
    checks = await asyncio.gather(
        _checked(
            "postgresql",
            _shared(runtime, "postgresql", lambda: _postgresql(runtime)),
            "PostgreSQL answers.",
            "PostgreSQL does not answer. See that it runs, and that STAGEWARD_DATABASE_URL names "
            "it.",
        ),
        _checked(
            "schema",
            _shared(runtime, "schema", lambda: _schema(runtime)),
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


def _shared(runtime: Runtime, name: str, look: Callable[[], Awaitable[None]]) -> SharedLook:
    """One look at a time, whose answer is that of all who ask meanwhile: they need no token."""
    return runtime.looks.setdefault(name, SharedLook(look, seconds=0, seconds_after_fault=0))


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

    Nothing where the actor may not read it, and where the database does not answer in time: what
    this process counted must be told all the same.
    """
    if not may_read_totals(actor):
        return []
    try:
        async with asyncio.timeout(SECONDS), runtime.db.reading() as session:
            stored = await blobs.totals(session)
            uploads = await queries.under_way(session)
    except (SQLAlchemyError, TimeoutError) as error:
        log.warning("not_measured", reason=str(error)[:500] or type(error).__name__)
        return []
    return [*_of_blobs(stored), _of_checks(stored.oldest_check_at), _of_uploads(uploads)]


def _of_blobs(found: Totals) -> list[Measured]:
    return [
        Measured("stageward_blobs", "Blobs that are stored.", found.blobs),
        Measured("stageward_blob_bytes", "Bytes of all blobs.", found.stored_bytes),
        Measured(
            "stageward_blob_unreferenced_bytes",
            "Bytes of blobs that no file points at and that wait to be freed.",
            found.unreferenced_bytes,
        ),
        Measured(
            "stageward_blobs_damaged",
            "Blobs that were missing, truncated or altered when they were last looked at.",
            found.damaged_blobs,
        ),
    ]


def _of_checks(oldest: datetime | None) -> Measured:
    return Measured(
        "stageward_blob_oldest_check_age_seconds",
        "Time since that blob in use was looked at that was looked at longest ago.",
        0.0 if oldest is None else (datetime.now(UTC) - oldest).total_seconds(),
    )


def _of_uploads(found: UnderWay) -> Measured:
    return Measured(
        "stageward_uploads",
        "Uploads under way: open takes bytes, received waits for its proof.",
        found._asdict(),
        label="status",
    )
