"""How much an S3 store may hold, and how long it is waited for."""

from dataclasses import dataclass
from datetime import timedelta

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Those of one process. Times are in seconds where they do not say otherwise."""

    stream_room: int = 96 * MIB
    """The memory for parts of streams, in bytes; one stream at a time may have seven parts more."""
    room_seconds: float = 10
    """How long a stream waits for room."""
    call_seconds: float = 20
    """How long a request waits for an answer that takes no bytes of a file."""
    list_seconds: float = 60
    """The same for all pages of a list of parts."""
    close_seconds: float = 10
    """How long the end of the process waits for what is under way."""
    traits_last: timedelta = timedelta(days=1)
    """After this the store is asked again what it enforces: it may have been upgraded."""
