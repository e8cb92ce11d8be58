"""Verifying an export: without a database, without settings, with a public key and nothing else."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.core.settings import raw_key
from app.seals.keys import Keys, PublicKey
from app.seals.rules import Checkpoint, Kept, Seal, Verdict, Verifier, give
from app.seals.rules.lines import Beginning, End, Link, NoExport, parse


class CannotVerify(Exception):
    """What was given is not an export, a key or a checkpoint; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict in sentences."""

    valid: bool
    sentences: list[str]


def read_keys(texts: Iterable[str]) -> Keys:
    """The public keys to trust."""
    try:
        return Keys([PublicKey(raw_key(text)) for text in texts])
    except ValueError as error:
        raise CannotVerify("A key is not the 32 bytes of a public key in base64.") from error


def read_checkpoint(text: str) -> Kept:
    """A checkpoint that was kept: `seq:hash`, or a file with its JSON as the API gave it."""
    seq, _, digest = text.partition(":")
    if seq.isdecimal() and len(digest) == 64:
        return Kept(int(seq), digest)
    try:
        said = json.loads(Path(text).read_text())
        return Kept(int(said["seq"]), str(said["hash"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotVerify(
            f"{text} is no checkpoint. Write its seq and its hash, 1204:9f86d0…, or name a file "
            "with its JSON."
        ) from error


def verify(lines: Iterable[str], keys: Keys, kept: Kept | None) -> Report:
    """Judge an export, a line at a time."""
    numbered = enumerate(lines, start=1)
    first = next(numbered, None)
    if first is None:
        raise CannotVerify("The export is empty.")
    beginning = _parsed(*first)
    if not isinstance(beginning, Beginning):
        raise CannotVerify("Line 1: the beginning of the export is missing.")
    start = beginning.after
    if start is not None and kept is not None and kept.seq < start.seq:
        raise CannotVerify(
            f"The export begins behind seal {start.seq}, and the checkpoint is of seal "
            f"{kept.seq}: take an export that begins before it."
        )
    verifier = Verifier(keys.signed, start=start, kept=kept)
    whole = _feed(verifier, numbered, checkpoint_of=start)
    return _report(verifier.verdict(_time(beginning.exported_at)), beginning, whole=whole)


def _feed(
    verifier: Verifier, numbered: Iterator[tuple[int, str]], *, checkpoint_of: Seal | None
) -> bool:
    """Hand every line to the verifier; whether the end was there and told the right numbers."""
    events = checkpoints = 0
    for number, line in numbered:
        said = _parsed(number, line)
        if number == 2 and checkpoint_of is not None and not isinstance(said, Checkpoint):
            raise CannotVerify(
                f"Line 2: the checkpoint of seal {checkpoint_of.seq}, behind which the export "
                "begins, is missing."
            )
        if isinstance(said, Checkpoint):
            checkpoints += 1
            verifier.checkpoint(said)
        elif isinstance(said, End):
            return said == End(events, checkpoints) and next(numbered, None) is None
        elif isinstance(said, Beginning):
            raise CannotVerify(f"Line {number}: a second export begins.")
        else:
            events += 1
            give(verifier, *said)
    return False


def _parsed(number: int, line: str) -> Beginning | Link | Checkpoint | End:
    try:
        return parse(line)
    except NoExport as error:
        raise CannotVerify(f"Line {number} is not of an export: {error}.") from error


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.now(UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _report(verdict: Verdict, beginning: Beginning, *, whole: bool) -> Report:
    valid = whole and verdict.problems == 0
    after = f" behind seal {beginning.after.seq}" if beginning.after else ""
    said = [
        f"Exported at {beginning.exported_at}: {verdict.checked} events{after}, sealed through "
        f"{verdict.sealed_through}, {verdict.unsealed} not sealed yet, {verdict.redacted} "
        "redacted.",
        f"{verdict.checkpoints} checkpoints; the last good one signs seal "
        f"{verdict.signed_through}.",
    ]
    if not whole:
        said.append("The export is cut off, or lines of it are missing: take it again.")
    if verdict.first_problem is not None:
        first = verdict.first_problem
        where = "Behind the last seal" if first.seq is None else f"At seal {first.seq}"
        said.append(f"{where}: {first.detail} ({first.problem})")
    if verdict.problems > 1:
        said.append(f"{verdict.problems} problems in all.")
    said += _conclusion(verdict) if valid else ["The record is NOT valid."]
    return Report(valid, said)


def _conclusion(verdict: Verdict) -> list[str]:
    """How far a signature reaches: behind it, whoever held the export may have written anything."""
    said = []
    if verdict.signed_through:
        said.append(
            f"The record is as it was sealed, and signed through seal {verdict.signed_through}."
        )
    else:
        said.append("The record is as it says, and nothing of it is signed.")
    loose = verdict.sealed_through - verdict.signed_through + verdict.unsealed
    if loose:
        said.append(
            f"The last {loose} events are NOT signed yet: nothing but this export vouches for them."
        )
    return said
