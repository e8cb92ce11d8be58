"""What an S3 store shows of a bucket."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the store shows it."""

    key: str
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class SeenPart:
    """A part as the store lists it; `sha256` is in base64, as the store gives it."""

    number: int
    size: int
    etag: str
    sha256: str | None = None


def newest(listed: Iterable[tuple[datetime, SeenPart]]) -> list[SeenPart]:
    """Each part as it was sent last, by number: some stores (SeaweedFS) also list what that
    replaced, in no order. Two that came in one second cannot be told apart: the part is missing
    then, and is sent again."""
    found: dict[int, tuple[datetime, SeenPart | None]] = {}
    for at, part in listed:
        before = found.get(part.number)
        if before is None or before[0] < at:
            found[part.number] = (at, part)
        elif before[0] == at and (before[1] is None or before[1].etag != part.etag):
            found[part.number] = (at, None)
    return [part for _, (_, part) in sorted(found.items()) if part is not None]


@dataclass(frozen=True, slots=True)
class SeenUpload:
    """An open multipart upload as the store lists it."""

    key: str
    id: str
    begun_at: datetime
