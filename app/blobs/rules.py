"""What to answer when bytes are asked for: conditions, ranges and names (RFC 9110, 6266, 9530); and
what is wrong with bytes that were looked at."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE | re.ASCII)
WORD = r"[A-Za-z0-9_!#$&^.+-]{1,100}"
MEDIA_TYPE = re.compile(
    rf'{WORD}/{WORD}(?:[ \t]*;[ \t]*{WORD}=(?:{WORD}|"[A-Za-z0-9_ !#$&^.+:/-]{{0,100}}"))*'
)
UNSAFE_IN_QUOTES = re.compile(r"[^ !#$&-\[\]-~]")  # what is not ASCII, controls, `"`, `%`, `\`
ENDLESS = 10**18


@dataclass(frozen=True, slots=True)
class Selection:
    """What to send of a file: the bytes from `start` up to `end` (exclusive), with this status.

    200 and 206 send bytes, 304 says that the caller has them, 412 that the file is not the one
    the caller means, 416 that the range lies outside it.
    """

    status: Literal[200, 206, 304, 412, 416]
    start: int = 0
    end: int = 0


def select(method: str, headers: Mapping[str, str], etag: str, size: int) -> Selection:
    """What a GET or HEAD asks for. Header names are lower-case; `etag` is quoted and strong."""
    if_match = headers.get("if-match")
    if if_match is not None and not _names(if_match, etag, weak=False):
        return Selection(412)
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None and _names(if_none_match, etag, weak=True):
        return Selection(304)
    wanted = headers.get("range") if method == "GET" else None  # a range means nothing else
    if wanted is None or headers.get("if-range", etag).strip() != etag:
        return Selection(200, 0, size)
    return _range(wanted, size)


def _range(wanted: str, size: int) -> Selection:
    """One range is honoured; several, other units and nonsense are answered with everything."""
    found = RANGE.fullmatch(wanted.strip())
    whole = Selection(200, 0, size)
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:
        last = _number(found[2])
        if not last:
            return Selection(416)
        return Selection(206, max(size - last, 0), size) if size else whole
    start, last = _number(found[1]), _number(found[2]) if found[2] else ENDLESS
    if last < start:
        return whole
    return Selection(206, start, min(last + 1, size)) if start < size else Selection(416)


def _number(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 18 else ENDLESS


def _names(header: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags names this one; `*` names any."""
    tags = [tag.strip() for tag in header.split(",")]
    if weak:
        tags = [tag.removeprefix("W/") for tag in tags]
    return tags == ["*"] or etag in tags


def etag(sha256: str) -> str:
    """A blob's entity tag: its digest, so that anyone can tell what it must be."""
    return f'"{sha256}"'


def repr_digest(sha256: str) -> str:
    """`Repr-Digest` (RFC 9530): the digest of the whole file, also where a range is sent."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def attachment(name: str) -> str:
    """`Content-Disposition` that saves the file under its name, whatever characters it has."""
    plain = UNSAFE_IN_QUOTES.sub("_", name)
    if plain == name:
        return f'attachment; filename="{name}"'
    encoded = quote(name.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def media_type(said: str) -> str:
    """The media type if it is well-formed, else the one that says nothing."""
    return said if MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


def damage_of(sha256: str, size: int, found: int | None, digest: str | None = None) -> str | None:
    """What is wrong with a blob of which so many bytes were found (None: nothing), with this digest
    where they were read; None where nothing is, as far as was looked."""
    if found is None:
        return "missing"
    if found < size:
        return "truncated"
    return "altered" if found > size or digest not in (None, sha256) else None
