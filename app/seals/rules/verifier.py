"""Verifying a record: one link after another, in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.seals.rules.chain import (
    BEGINNING,
    FIRST,
    Checkpoint,
    Event,
    Seal,
    checkpoint_statement,
    payload_digest,
    seal_hash,
    texts_digest,
)
from app.seals.rules.redacted import ACTION, Redactions
from app.seals.rules.waiting import Waiting

# Who answers whether a signature is of a statement by a key: None where nobody knows the key.
Signed = Callable[[str, bytes, bytes], bool | None]


class Kept(NamedTuple):
    """A checkpoint that somebody kept elsewhere."""

    seq: int
    hash: str


@dataclass(slots=True)
class Problem:
    """What is wrong with the record, and where: at which seal (None: behind them all), with which
    event."""

    seq: int | None
    event_id: int | None
    problem: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    checked: int
    sealed_through: int
    signed_through: int
    unsealed: int
    redacted: int
    checkpoints: int
    problems: int
    first_problem: Problem | None


class Verifier:
    """Takes a record in its order (events with their seals, checkpoints after the seal that they
    sign, at last what is not sealed yet) and judges it. After a problem it goes on as if the seals
    were right, so that one change is one problem, or a few, and not all that follows."""

    def __init__(self, signed: Signed, *, start: Seal | None = None, kept: Kept | None = None):
        """`start` is the seal, trusted, from which the record is given; `kept` must be part of
        it."""
        self._signed = signed
        self._kept = kept
        self.seq = start.seq if start else 0
        self._hash: str | None = start.hash if start else FIRST
        self._place = start.place if start else BEGINNING
        self._signed_through = self.seq
        self._checkpoint = self.seq - 1  # the seal of the last one; the start's may yet come
        self._unsigned = Waiting()  # what is sealed behind it
        self._tail = Waiting()  # what is not sealed yet
        self._doubt: tuple[Problem, str] | None = None  # the last link, and the hash it should have
        self._strays: list[Event] = []  # the first unsealed event, if one
        self._checked = self._unsealed = self._checkpoints = self._redacted = self._problems = 0
        self._first: Problem | None = None
        self._redactions = Redactions()
        if start is not None:
            self._compare_kept(start)

    def link(self, seal: Seal, event: Event | None) -> None:
        """The next seal, and its event."""
        if seal.seq != self.seq + 1:
            self._gap(seal)
        if self._strays:
            self._inserted(seal.seq)
        place = seal.place
        if place <= self._place:
            detail = f"Seal {seal.seq} is of a place that lies before that of the seal before it."
            self._tell(seal.seq, seal.event_id, "reordered", detail)
        if event is None:
            detail = f"Event {seal.event_id} was sealed and is gone."
            self._tell(seal.seq, seal.event_id, "deleted", detail)
            self._doubt = None
        else:
            self._compare(seal, event)
            self._checked += 1
            self._unsigned.add(event.at)
        self.seq, self._hash, self._place = seal.seq, seal.hash, place
        self._compare_kept(seal)

    def unsealed(self, event: Event) -> None:
        """An event without a seal: not sealed yet, or inserted if seals follow."""
        self._checked += 1
        if event.place <= self._place:
            detail = f"Event {event.id} stands among sealed events and was never sealed."
            self._tell(max(self.seq, 1), event.id, "inserted", detail)
            return
        self._unsealed += 1
        self._tail.add(event.at)
        if not self._strays:
            self._strays.append(event)
        self._contents(None, None, event)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """A checkpoint, after the seal that it signs."""
        self._checkpoints += 1
        seq, statement = checkpoint.seq, checkpoint_statement(*checkpoint[:3])
        good = self._signed(checkpoint.key_id, statement, checkpoint.signature)
        if good is None:
            detail = (
                f"The checkpoint of seal {seq} is signed with the key {checkpoint.key_id}, which "
                "is not one of those to trust."
            )
            self._tell(seq, None, "unknown_key", detail)
        elif not good:
            detail = f"The signature of the checkpoint of seal {seq} is not of what it says."
            self._tell(seq, None, "bad_signature", detail)
        elif seq <= self._checkpoint:
            detail = f"A checkpoint of seal {seq} comes after one of seal {self._checkpoint}."
            self._tell(seq, None, "reordered", detail)
        elif seq != self.seq:
            detail = f"A checkpoint signs seal {seq}, and there is no such seal."
            self._tell(seq, None, "seal_missing", detail)
        elif checkpoint.hash != self._hash:
            self._rebuilt(seq)
        else:
            self._signed_through, self._unsigned = seq, Waiting()
        self._checkpoint = max(seq, self._checkpoint)

    def verdict(self, now: datetime) -> Verdict:
        """The end: `now` says how long the last seals wait for their checkpoint."""
        for seq, event_id in self._redactions.untold():
            detail = (
                f"Event {event_id} is marked as redacted, and no sealed event behind it tells of "
                "it: wait for the seals where a redaction was only just made."
            )
            self._tell(seq, event_id, "redacted_without_record", detail)
        if self._kept is not None and self._kept.seq > self.seq:
            detail = (
                f"The seals end with {self.seq}, and a checkpoint of {self._kept.seq} was kept."
            )
            self._tell(self.seq + 1, None, "truncated", detail)
        self._overdue(now)
        return Verdict(
            checked=self._checked,
            sealed_through=self.seq,
            signed_through=self._signed_through,
            unsealed=self._unsealed,
            redacted=self._redacted,
            checkpoints=self._checkpoints,
            problems=self._problems,
            first_problem=self._first,
        )

    def _overdue(self, now: datetime) -> None:
        """What waits for longer than it should, or never had what it should have."""
        never = self._checkpoints == 0 == self._signed_through
        if self._signed_through < self.seq and (never or self._unsigned.is_amiss(now)):
            detail = (
                f"No checkpoint covers the seals {self._signed_through + 1} to {self.seq}, though "
                "one is signed each minute: no worker runs, or it refuses to sign (see its log), "
                "or somebody removed checkpoints."
            )
            self._tell(self._signed_through + 1, None, "unsigned", detail)
        if self._tail.is_amiss(now):
            event_id = self._strays[0].id if self._strays else None
            detail = (
                f"Event {event_id}, or one behind it, has no seal, though events get theirs within "
                "seconds: no worker runs, or a change takes long, or the time or the place of the "
                "event was edited."
            )
            self._tell(None, event_id, "unsealed", detail)

    def _compare(self, seal: Seal, event: Event) -> None:
        """The hash of a seal against its event and the seal before."""
        doubt, self._doubt = self._doubt, None
        if self._hash is None:  # the seal before is missing
            self._contents(seal.seq, seal, event)
            return
        should = seal_hash(seal.seq, self._hash, event, seal.texts_sha256)
        if should == seal.hash and event.id == seal.event_id:
            if event.era == seal.era and event.xid == seal.xid:
                self._contents(seal.seq, seal, event)
                return
        elif doubt and seal_hash(seal.seq, doubt[1], event, seal.texts_sha256) == seal.hash:
            before, _ = doubt  # this one follows the hash that the seal before should have
            before.problem = "seal_edited"
            before.detail = f"The hash of seal {before.seq} was edited."
            self._contents(seal.seq, seal, event)
            return
        self._doubt = self._mismatch(seal, event), should

    def _mismatch(self, seal: Seal, event: Event) -> Problem:
        if (event.era, event.xid, event.id) != (seal.era, seal.xid, seal.event_id):
            detail = f"Event {event.id} stands at another place than where it was sealed."
            return self._tell(seal.seq, event.id, "reordered", detail)
        detail = (
            f"Event {event.id} and seal {seal.seq} do not belong together: the event's time, "
            "action, actor, token, model's id, version or digest, or the seal, was edited, or it "
            "is not the event that was sealed here."
        )
        return self._tell(seal.seq, event.id, "edited", detail)

    def _contents(self, seq: int | None, seal: Seal | None, event: Event) -> None:
        """What the fixed fields cover by digests only, unless it was redacted."""
        if event.redaction_id is not None:
            self._redacted += 1
            if seq is not None:
                self._redactions.bears(event.redaction_id, event, seq)
        elif payload_digest(event) != event.payload_sha256:
            detail = f"The details of event {event.id} were edited: they lack their digest."
            self._tell(seq, event.id, "details_edited", detail)
        elif seal is not None and texts_digest(event) != seal.texts_sha256:
            detail = f"The subject, model, request id or address of event {event.id} was edited."
            self._tell(seq, event.id, "texts_edited", detail)
        elif seq is not None and event.action == ACTION:
            self._redactions.told(event, seq)

    def _compare_kept(self, seal: Seal) -> None:
        if self._kept is not None and self._kept.seq == seal.seq and self._kept.hash != seal.hash:
            detail = f"Seal {seal.seq} has another hash than the checkpoint that was kept of it."
            self._tell(seal.seq, seal.event_id, "rewritten", detail)

    def _gap(self, seal: Seal) -> None:
        expected, self._hash, self._doubt = self.seq + 1, None, None
        if seal.seq > expected:
            event_id = self._strays[0].id if self._strays else None
            detail = f"The seals before {seal.seq} are missing, from {expected} on."
            self._tell(expected, event_id, "seal_missing", detail)
            self._strays, self._unsealed = [], 0
        else:
            detail = f"Seal {seal.seq} comes after seal {self.seq}."
            self._tell(seal.seq, seal.event_id, "reordered", detail)

    def _inserted(self, seq: int) -> None:
        event, count = self._strays[0], self._unsealed
        more = f", and {count - 1} more" if count > 1 else ""
        detail = f"Event {event.id}{more} stands before seal {seq} and was never sealed."
        self._tell(seq, event.id, "inserted", detail)
        self._strays, self._unsealed = [], 0

    def _rebuilt(self, seq: int) -> None:
        since = self._signed_through + 1
        detail = (
            f"The checkpoint of seal {seq} signs another hash: something was changed between the "
            f"seals {since} and {seq}, and the chain was calculated anew."
        )
        self._tell(seq, None, "rebuilt", detail)

    def _tell(self, seq: int | None, event_id: int | None, problem: str, detail: str) -> Problem:
        self._problems += 1
        told = Problem(seq, event_id, problem, detail)
        if self._first is None or _order(told) < _order(self._first):
            self._first = told
        return told


def give(verifier: Verifier, seal: Seal | None, event: Event | None) -> None:
    """Hand on an event and its seal, of which one may be missing."""
    if seal is not None:
        verifier.link(seal, event)
    elif event is not None:
        verifier.unsealed(event)


def _order(problem: Problem) -> float:
    return float("inf") if problem.seq is None else problem.seq
