"""The lines of an export: a record in JSON Lines, as it is written and read back.

The first line says what it is, the last how much there should be, so that a transfer that was cut
off shows. In between stand, in the record's order, events with their seals and checkpoints.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from app.core.canonical import read, written
from app.seals.rules.chain import Checkpoint, Event, Seal, canonical_details

FORMAT = 1
KIND = "stageward record"
Link = tuple[Seal | None, Event | None]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class NoExport(ValueError):
    """A line is not one of an export; the text says why."""


class Beginning(NamedTuple):
    """The first line: when the export began, and behind which seal. The checkpoint of that seal
    follows."""

    exported_at: str
    after: Seal | None


class End(NamedTuple):
    """The last line: how many events and checkpoints stand before it."""

    events: int
    checkpoints: int


def beginning_line(exported_at: str, start: Seal | None, keys: Sequence[dict[str, Any]]) -> str:
    """The first line of an export of what is behind `start`."""
    said = {
        "export": KIND,
        "format": FORMAT,
        "exported_at": exported_at,
        "after": start._asdict() if start else None,
        "keys": list(keys),
    }
    return _encode(said) + "\n"


def link_line(seal: Seal | None, event: Event | None) -> str:
    """The line of an event and its seal, of which one may be missing."""
    sealed = "null" if seal is None else _encode(seal._asdict())
    return f'{{"event":{_event_text(event)},"seal":{sealed}}}\n'


def checkpoint_line(checkpoint: Checkpoint) -> str:
    """The line of a checkpoint."""
    signature = base64.b64encode(checkpoint.signature).decode()
    return _encode({"checkpoint": {**checkpoint._asdict(), "signature": signature}}) + "\n"


def end_line(events: int, checkpoints: int) -> str:
    """The last line."""
    return _encode({"end": {"events": events, "checkpoints": checkpoints}}) + "\n"


def _event_text(event: Event | None) -> str:
    if event is None:
        return "null"
    # Details that no record can hold stay away, and then lack their digest.
    details = canonical_details(event).decode() or "null"
    said = {**event._asdict(), "salt": event.salt.hex(), "details": None}
    return _encode(said).replace('"details":null', f'"details":{details}', 1)


def parse(line: str) -> Beginning | Link | Checkpoint | End:
    """What a line says. Raises `NoExport`."""
    try:
        return _parsed(read(line))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise NoExport(str(error)) from error


def _parsed(said: dict[str, Any]) -> Beginning | Link | Checkpoint | End:
    if "event" in said:
        seal, event = said["seal"], said["event"]
        return (None if seal is None else _seal(seal)), (None if event is None else _event(event))
    if "checkpoint" in said:
        return _checkpoint(said["checkpoint"])
    if "end" in said:
        return End(_whole(said["end"]["events"]), _whole(said["end"]["checkpoints"]))
    if said["export"] != KIND or said["format"] != FORMAT:
        raise NoExport("it is of a format that this release does not know")
    after = said["after"]
    return Beginning(_string(said["exported_at"]), None if after is None else _seal(after))


def _event(said: dict[str, Any]) -> Event:
    values = [said[name] for name in Event._fields]
    _check(values, _EVENT_TYPES)
    values[14], values[15] = bytes.fromhex(values[14]), written(values[15])
    int(values[2])
    return Event(*values)


def _seal(said: dict[str, Any]) -> Seal:
    values = [said[name] for name in Seal._fields]
    _check(values, _SEAL_TYPES)
    int(values[3])
    return Seal(*values)


def _checkpoint(said: dict[str, Any]) -> Checkpoint:
    values = [said[name] for name in Checkpoint._fields]
    _check(values, _CHECKPOINT_TYPES)
    values[4] = base64.b64decode(values[4], validate=True)
    return Checkpoint(*values)


_OPTIONAL = (str, type(None))
_CHECKPOINT_TYPES = ((int,), (str,), (str,), (str,), (str,))
_SEAL_TYPES = ((int,), (int,), (int,), (str,), (str,), (str,))
_EVENT_TYPES = (
    *((int,), (int,), (str,), (str,), (str,), _OPTIONAL, (str,), _OPTIONAL, _OPTIONAL, _OPTIONAL),
    *((int, type(None)), (str,), _OPTIONAL, _OPTIONAL, (str,), (object,), (str,), _OPTIONAL),
)


def _check(values: Sequence[Any], types: Sequence[tuple[type, ...]]) -> None:
    for value, kinds in zip(values, types, strict=True):
        if type(value) not in kinds and object not in kinds:
            raise NoExport("a value is of the wrong type")


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise NoExport("a number is missing")
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise NoExport("a text is missing")
    return value
