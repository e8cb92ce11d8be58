"""Which events were redacted, and whether the record tells of each."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app.seals.rules.chain import Event, details_of

ACTION = "record.redacted"


class _Telling(NamedTuple):
    """The event that tells of a redaction: the number of its seal, and its time."""

    seq: int
    at: str


@dataclass(slots=True)
class _Redaction:
    """One redaction: the events that bear it (ids and numbers of seals) and were not told of when
    they were met, and the last telling of each event of which the record tells."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    seqs: "array[int]" = field(default_factory=lambda: array("q"))
    tellings: dict[int, _Telling] = field(default_factory=dict)


class Redactions:
    """The redactions that a record was seen to have. Events are told of in the order of their
    seals.

    An event may only be redacted where a later one tells of it. Else whoever prepares for it could
    have the record tell of events that are yet to come, and rewrite those at leisure. A redaction
    takes its time: what was recorded meanwhile, and redacted with the rest, stands behind the event
    that tells of it, and is older nevertheless.
    """

    def __init__(self) -> None:
        """None yet."""
        self._known: dict[str, _Redaction] = {}

    def bears(self, redaction_id: str, event: Event, seq: int) -> None:
        """A sealed event says that it was redacted."""
        found = self._known.setdefault(redaction_id, _Redaction())
        telling = found.tellings.get(event.id)
        if telling is None or not _is_before(event.at, telling.at):
            found.ids.append(event.id)
            found.seqs.append(seq)

    def told(self, event: Event, seq: int) -> None:
        """A sealed event, which is as it was, lists the events of a redaction, or some of them."""
        details = details_of(event)
        name, listed = details.get("redaction"), details.get("events")
        if isinstance(name, str) and isinstance(listed, list):
            tellings = self._known.setdefault(name, _Redaction()).tellings
            telling = _Telling(seq, event.at)
            tellings.update((id_, telling) for id_ in listed if isinstance(id_, int))

    def untold(self) -> Iterator[tuple[int, int]]:
        """The number of the seal and the id of every redacted event of which no redaction tells."""
        for redaction in self._known.values():
            for id_, seq in zip(redaction.ids, redaction.seqs, strict=True):
                telling = redaction.tellings.get(id_)
                if telling is None or telling.seq <= seq:
                    yield seq, id_


def _is_before(at: str, other: str) -> bool:
    try:
        return datetime.fromisoformat(at) <= datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False
