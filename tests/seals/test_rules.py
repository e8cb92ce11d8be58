"""Whatever single thing is changed in a record, its verifier finds it."""

import copy
import hashlib
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.canonical import canonical
from app.seals import offline
from app.seals.keys import Keys, Signer
from app.seals.rules import (
    FIRST,
    Checkpoint,
    Event,
    checkpoint_statement,
    lines,
    links,
    seal_hash,
    texts_digest,
)

SIGNER = Signer(b"s" * 32)
KEYS = Keys([SIGNER.public])
LATER = "2026-11-23T12:00:00+00:00"
AT = "2026-11-23T09:30:00.25Z"
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
MAYBE = st.none() | TEXTS
PLAIN = st.none() | st.booleans() | st.integers(0, 2**70) | st.floats(0, 1e30) | TEXTS
DETAILS = st.dictionaries(TEXTS, PLAIN, max_size=3)


@st.composite
def events(draw: st.DrawFn, number: int) -> Event:
    salt, details = draw(st.binary(min_size=16, max_size=16)), canonical(draw(DETAILS))
    return Event(
        id=number * 2,
        era=1,
        xid=str(700 + number // 2),
        at=f"2026-11-23T09:{number:02}:00Z",
        action=draw(TEXTS),
        actor_id=draw(MAYBE),
        actor=draw(TEXTS),
        token_id=draw(MAYBE),
        model_id=draw(MAYBE),
        model=draw(MAYBE),
        version=draw(st.none() | st.integers(1, 2**31 - 1)),
        subject=draw(TEXTS),
        request_id=draw(MAYBE),
        address=draw(MAYBE),
        salt=salt,
        details=details,
        payload_sha256=hashlib.sha256(salt + details).hexdigest(),
        redaction_id=None,
    )


@st.composite
def exports(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The lines of an export of some events, all sealed, the last of them signed."""
    made = [draw(events(number)) for number in range(1, draw(st.integers(1, 6)) + 1)]
    seals = list(links(0, FIRST, made))
    signed = sorted(draw(st.sets(st.integers(1, len(made)))) | {len(made)})
    found = [lines.beginning_line(LATER, None, [])]
    for seal, event in zip(seals, made, strict=True):
        found.append(lines.link_line(seal, event))
        if seal.seq in signed:
            signature = SIGNER.sign(checkpoint_statement(seal.seq, seal.hash, AT))
            checkpoint = Checkpoint(seal.seq, seal.hash, AT, SIGNER.public.id, signature)
            found.append(lines.checkpoint_line(checkpoint))
    found.append(lines.end_line(len(made), len(signed)))
    return [json.loads(line) for line in found]


def is_valid(export: list[dict[str, Any]]) -> bool:
    try:
        return offline.verify([json.dumps(line) for line in export], KEYS, None).valid
    except offline.CannotVerify:
        return False


def counted(export: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With an end that says what is there, as whoever tampers would see to."""
    body = export[1:-1]
    signed = sum("checkpoint" in line for line in body)
    return [*export[:-1], {"end": {"events": len(body) - signed, "checkpoints": signed}}]


def other(draw: st.DrawFn, value: Any) -> Any:
    """Another value of the same kind, or none at all."""
    if isinstance(value, bool) or value is None:
        return draw(st.sampled_from(["", "x", 1]))
    if isinstance(value, int | float):
        return value + draw(st.sampled_from([1, -1, 2**40]))
    if isinstance(value, dict):
        return {**value, draw(TEXTS): draw(st.integers())}
    return draw(st.sampled_from([value + "0", value[1:], value[::-1], value.swapcase(), None]))


@given(exports())
def test_a_record_that_nobody_touched_is_valid(export: list[dict[str, Any]]) -> None:
    assert is_valid(export)


@given(st.data())
def test_any_value_that_was_changed_is_found(data: st.DataObject) -> None:
    export = data.draw(exports())
    line = data.draw(st.sampled_from(export[1:-1]))
    part = line[data.draw(st.sampled_from(sorted(line)))]
    name = data.draw(st.sampled_from(sorted(part)))
    before = copy.deepcopy(part[name])
    part[name] = other(data.draw, part[name])
    assume(part[name] != before)
    # Hex digits are bytes to the verifier, however they are written.
    assume(not (name == "salt" and str(part[name]).lower() == before))
    assert not is_valid(export)


@given(st.data())
def test_a_line_that_was_removed_repeated_or_moved_is_found(data: st.DataObject) -> None:
    export = data.draw(exports())
    places = st.integers(1, len(export) - 2)
    place = data.draw(places)
    moved = [line for number, line in enumerate(export) if number != place]
    if data.draw(st.booleans()):
        moved = [*export[: place + 1], export[place], *export[place + 1 :]]
    elif data.draw(st.booleans()):
        moved.insert(data.draw(places), export[place])
    else:  # of checkpoints the last says all, and those before it may go
        assume("event" in export[place] or place == len(export) - 2)
    assume(moved != export)
    assert not is_valid(counted(moved))


@given(st.data())
def test_an_event_without_a_seal_among_sealed_ones_is_found(data: st.DataObject) -> None:
    export = data.draw(exports())
    number = data.draw(st.integers(0, 5))
    event = data.draw(events(number))._replace(id=number * 2 + 1)
    line = json.loads(lines.link_line(None, event))
    sealed = [said["event"]["id"] for said in export[1:-1] if "event" in said]
    assume(event.id < sealed[-1])
    place = data.draw(st.integers(1, len(export) - 1))
    assert not is_valid(counted([*export[:place], line, *export[place:]]))


@given(exports())
def test_a_chain_that_was_calculated_anew_is_found(export: list[dict[str, Any]]) -> None:
    """By whoever has everything but the key."""
    made = [lines.parse(json.dumps(line)) for line in export]
    changed = [part[1] for part in made if isinstance(part, tuple) and isinstance(part[1], Event)]
    changed[0] = changed[0]._replace(action=changed[0].action + "!")
    seals = iter(links(0, FIRST, changed))
    forged = [
        json.loads(lines.link_line(next(seals), changed[line["seal"]["seq"] - 1]))
        if "event" in line
        else line
        for line in export
    ]
    assert not is_valid(forged)


@st.composite
def unsigned(draw: st.DrawFn, export: list[dict[str, Any]], *times: str) -> list[dict[str, Any]]:
    """With more at its end, as anybody can add who holds an export: sealed, and not signed."""
    last = [line["seal"] for line in export if line.get("seal")][-1] if export[1:-1] else None
    made = [draw(events(50 + number))._replace(at=at) for number, at in enumerate(times)]
    sealed = links(last["seq"] if last else 0, last["hash"] if last else FIRST, made)
    more = [
        json.loads(lines.link_line(seal, event)) for seal, event in zip(sealed, made, strict=True)
    ]
    return counted([*export[:-1], *more, export[-1]])


@given(st.data())
def test_a_record_without_a_signature_is_no_record(data: st.DataObject) -> None:
    """Whoever invents one says that it was exported when it should have been."""
    empty = [json.loads(lines.beginning_line(LATER, None, [])), {"end": {}}]
    assert not is_valid(data.draw(unsigned(empty, "2026-11-23T11:59:59Z")))


@given(st.data())
def test_what_is_not_signed_is_of_the_last_minutes(data: st.DataObject) -> None:
    export = data.draw(exports())
    assert is_valid(data.draw(unsigned(export, "2026-11-23T11:59:00Z", "2026-11-23T12:00:01Z")))
    for times in (
        ["2026-11-23T11:49:00Z"],
        ["2026-11-23T12:00:01Z", "2026-11-23T12:10:30Z"],
        ["2027-01-01T12:00:00Z"],
        ["infinity"],
    ):
        assert not is_valid(data.draw(unsigned(export, *times)))


@given(st.data())
def test_a_seal_covers_the_canonical_json_of_its_event(data: st.DataObject) -> None:
    """The hash is written out for speed; this is what it is meant to be."""
    event, seq, prev = data.draw(events(1)), data.draw(st.integers(1, 2**53 - 1)), "ab" * 32
    texts = canonical({name: getattr(event, name) for name in ("subject", "model")} | {
        "request_id": event.request_id, "address": event.address
    })  # fmt: skip
    assert texts_digest(event) == hashlib.sha256(event.salt + texts).hexdigest()
    names = ("id", "era", "xid", "at", "action", "actor_id", "actor", "token_id", "version")
    statement = {
        **{name: getattr(event, name) for name in (*names, "model_id", "payload_sha256")},
        "seq": seq,
        "prev": prev,
        "texts_sha256": texts_digest(event),
    }
    meant = hashlib.sha256(canonical(statement)).hexdigest()
    assert seal_hash(seq, prev, event, texts_digest(event)) == meant
