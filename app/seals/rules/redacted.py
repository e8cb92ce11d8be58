"""Which events were redacted, and whether the record tells of each."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.seals.rules.chain import Event, details_of, listed_digest

ACTION = "record.redacted"


@dataclass(slots=True)
class _Redaction:
    """One redaction: the events that bear it (ids and numbers of seals, 0 for none), and what the
    record says of it."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    seqs: "array[int]" = field(default_factory=lambda: array("q"))
    listed: set[int] = field(default_factory=set)
    digests: set[tuple[str, int]] = field(default_factory=set)


class Redactions:
    """The redactions that a record was seen to have."""

    def __init__(self) -> None:
        """None yet."""
        self._known: dict[str, _Redaction] = {}

    def bears(self, redaction_id: str, event_id: int, seq: int) -> None:
        """An event says that it was redacted."""
        found = self._known.setdefault(redaction_id, _Redaction())
        found.ids.append(event_id)
        found.seqs.append(seq)

    def told(self, event: Event) -> None:
        """An event tells of a redaction: it lists the events or, where they are many, has their
        number and a digest of their ids."""
        details = details_of(event)
        name = details.get("redaction")
        if not isinstance(name, str):
            return
        redaction = self._known.setdefault(name, _Redaction())
        listed, digest = details.get("events"), details.get("events_sha256")
        if isinstance(listed, list):
            redaction.listed.update(id_ for id_ in listed if isinstance(id_, int))
        count = details.get("events_count")
        if isinstance(digest, str) and isinstance(count, int):
            redaction.digests.add((digest, count))

    def untold(self) -> Iterator[tuple[int, int]]:
        """The number of the seal and the id of every redacted event of which no redaction tells."""
        for redaction in self._known.values():
            if not self._covered_by_digest(redaction):
                for id_, seq in zip(redaction.ids, redaction.seqs, strict=True):
                    if id_ not in redaction.listed:
                        yield seq, id_

    def _covered_by_digest(self, redaction: _Redaction) -> bool:
        """Whether a digest names them all. Events that were redacted once more since bear the later
        redaction and are missing here: then their number must account for the difference."""
        ids = [id_ for id_ in redaction.ids if id_ not in redaction.listed]
        if not ids or not redaction.digests:
            return False
        if (listed_digest(ids), len(ids)) in redaction.digests:
            return True
        others = sum(len(other.ids) for other in self._known.values()) - len(redaction.ids)
        return any(len(ids) < count <= len(ids) + others for _, count in redaction.digests)
