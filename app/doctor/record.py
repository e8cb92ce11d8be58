"""Looking at the record: whether what was recorded gets its seals."""

from datetime import UTC, datetime, timedelta

from app.core.runtime import Runtime
from app.doctor.findings import Findings
from app.seals import service

LATE = timedelta(minutes=5)


async def look_at_record(runtime: Runtime, found: Findings) -> None:
    """Say where sealing is far behind. A server that does not run seals when it is started."""
    since = await service.waiting_since(runtime.db)
    if since is None or datetime.now(UTC) - since < LATE:
        found.good("Record: every event has its seal, or is about to.")
    elif runtime.settings.embedded:
        found.note(f"Record: events wait for their seals since {since:%Y-%m-%d %H:%M} UTC.")
    else:
        found.bad(
            f"Record: events wait for their seals since {since:%Y-%m-%d %H:%M} UTC. See that a "
            "worker runs: python -m app worker"
        )
