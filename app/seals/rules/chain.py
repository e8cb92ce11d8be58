"""The chain: which bytes a seal covers, and which a checkpoint signs.

A million events are hashed by these lines, so the canonical JSON of a seal is written out here,
its keys in order, and not left to a general encoder. Integers are written in full.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from json.encoder import encode_basestring
from typing import NamedTuple

from app.core.canonical import canonical, recanonical

FIRST = "0" * 64
SIGNED_EVERY = timedelta(minutes=1)
_sha256 = hashlib.sha256


class Place(NamedTuple):
    """A place in the record: that of the event of this era, transaction and id."""

    era: int
    xid: int
    id: int


BEGINNING = Place(1, 0, 0)  # the first era; all events stand behind it


class Event(NamedTuple):
    """A recorded fact as it is hashed. Times and ids are texts. `details` are the payload: JSON as
    a text, or in its canonical form as bytes."""

    id: int
    era: int
    xid: str
    at: str
    action: str
    actor_id: str | None
    actor: str
    token_id: str | None
    model_id: str | None
    model: str | None
    version: int | None
    subject: str
    request_id: str | None
    address: str | None
    salt: bytes
    details: str | bytes
    payload_sha256: str
    redaction_id: str | None

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.era, int(self.xid), self.id)


class Seal(NamedTuple):
    """One link of the chain."""

    seq: int
    event_id: int
    era: int
    xid: str
    texts_sha256: str
    hash: str

    @property
    def place(self) -> Place:
        """Where its event stood when it was sealed."""
        return Place(self.era, int(self.xid), self.event_id)


class Checkpoint(NamedTuple):
    """The head of the chain at some time, signed."""

    seq: int
    hash: str
    at: str
    key_id: str
    signature: bytes


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def texts_digest(event: Event) -> str:
    """The salted digest of those texts of an event that a redaction may change."""
    texts = (
        f'{{"address":{_text(event.address)},"model":{_text(event.model)},'
        f'"request_id":{_text(event.request_id)},"subject":{_text(event.subject)}}}'
    )
    return _sha256(event.salt + texts.encode()).hexdigest()


def canonical_details(event: Event) -> bytes:
    """The details in canonical JSON; nothing where they cannot have come from us."""
    if isinstance(event.details, bytes):
        return event.details
    try:
        return recanonical(event.details)
    except ValueError:
        return b""


def payload_digest(event: Event) -> str:
    """The salted digest of an event's details."""
    return _sha256(event.salt + canonical_details(event)).hexdigest()


def seal_hash(seq: int, prev: str, event: Event, texts_sha256: str) -> str:
    """The hash of the seal with this number, of this event, after the seal with the hash `prev`."""
    version = "null" if event.version is None else f"{event.version:d}"
    statement = (
        f'{{"action":{_text(event.action)},"actor":{_text(event.actor)},'
        f'"actor_id":{_text(event.actor_id)},"at":{_text(event.at)},"era":{event.era:d},'
        f'"id":{event.id:d},"model_id":{_text(event.model_id)},'
        f'"payload_sha256":{_text(event.payload_sha256)},"prev":{_text(prev)},"seq":{seq:d},'
        f'"texts_sha256":{_text(texts_sha256)},"token_id":{_text(event.token_id)},'
        f'"version":{version},"xid":{_text(event.xid)}}}'
    )
    return _sha256(statement.encode()).hexdigest()


def links(seq: int, prev: str, events: Iterable[Event]) -> Iterator[Seal]:
    """The seals of these events, after the seal `seq` with the hash `prev`."""
    for event in events:
        seq += 1
        texts = texts_digest(event)
        prev = seal_hash(seq, prev, event, texts)
        yield Seal(seq, event.id, event.era, event.xid, texts, prev)


def checkpoint_statement(seq: int, hash_: str, at: str) -> bytes:
    """What the signature of a checkpoint is of."""
    return canonical({"stageward": "checkpoint", "seq": seq, "hash": hash_, "at": at})


def checkpoint_is_due(*, now: datetime, signed_at: datetime | None, oldest: datetime) -> bool:
    """Whether the head is to be signed: the last checkpoint, or the oldest event behind it, is of
    more than a minute ago. So one a minute is enough while the record is followed, and what was
    sealed late does not stay unsigned."""
    return signed_at is None or now - min(signed_at, oldest) >= SIGNED_EVERY


def details_of(event: Event) -> dict[str, object]:
    """The details as values; nothing where they are no object."""
    details = canonical_details(event)
    found = json.loads(details) if details else None
    return found if isinstance(found, dict) else {}
