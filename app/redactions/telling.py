"""What the record says of redactions: which events each of them rewrote. A redacted event counts as
such only while an event that was not redacted itself says so."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.canonical import canonical, sha256_hex
from app.core.problems import Unavailable
from app.redactions import queries, rules
from app.redactions.problems import invalid
from app.redactions.tables import Redaction

ACTION = "record.redacted"
# The fields of such an event's details; of them only the reason is ever rewritten.
FIELDS = ("redaction", "reason", "marker", "events")
_FOR_GOOD = (
    "Stands in what the record says of an earlier redaction (its id, its marker, the number of an "
    "event), which must stay."
)


@dataclass(slots=True)
class Told:
    """Which events each earlier redaction rewrote, from events (by their ids) that prove it and
    hold the text themselves."""

    proofs: dict[int, tuple[UUID, list[int]]] = field(default_factory=dict)

    def lost(self, rewritten: set[int]) -> dict[UUID, set[int]]:
        """What is to be said once more, where these events were rewritten."""
        found: dict[UUID, set[int]] = defaultdict(set)
        for event_id in self.proofs.keys() & rewritten:
            redaction_id, ids = self.proofs[event_id]
            found[redaction_id].update(ids)
        return found


async def earlier(session: AsyncSession, values: dict[str, Any]) -> Told:
    """What events that hold the text tell of earlier redactions. Call it before they are
    rewritten: then nothing tells any more whether their details are those that were recorded."""
    told = Told()
    for row in await queries.telling(session, ACTION, values):
        if row.for_good:
            raise invalid("/text", _FOR_GOOD)
        is_recorded = sha256_hex(row.salt + canonical(row.details)) == row.payload_sha256
        listed = row.details.get("events")
        if row.redaction_id is None and is_recorded and isinstance(listed, list):
            told.proofs[row.id] = UUID(row.details["redaction"]), listed
    return told


async def check_order(session: AsyncSession, redaction_id: UUID) -> None:
    """An event tells of those before it. Others go on recording while a redaction runs, and what
    began after it stands behind it in the record."""
    if await queries.stand_behind(session, redaction_id):
        raise Unavailable(
            "The text was recorded once more meanwhile. Nothing was changed. Redact it again.",
            retry_after=1,
        )


async def tell(
    session: AsyncSession, actor: Actor, redaction: Redaction, events: list[int], told: Told
) -> None:
    """Record a redaction, and again each earlier one of which an event told that this one
    rewrote."""
    _record(session, actor, redaction, set(events))
    for redaction_id, ids in told.lost(set(events)).items():
        of_before = await queries.one(session, redaction_id)
        if of_before is not None:
            _record(session, actor, of_before, ids)
    await session.flush()


def _record(session: AsyncSession, actor: Actor, redaction: Redaction, ids: set[int]) -> None:
    for part in rules.in_parts(ids):
        said = (str(redaction.id), redaction.reason, redaction.marker, part)
        details = dict(zip(FIELDS, said, strict=True))
        subject = f"redaction:{redaction.id}"
        audit.record(session, actor, ACTION, subject=subject, details=details)
