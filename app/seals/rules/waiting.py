"""How long events wait for what they should have within a minute."""

from datetime import datetime, timedelta

WAITS_FOR = timedelta(minutes=10)
AHEAD = timedelta(days=1)  # a record goes on while it is exported


class Waiting:
    """The times of events that wait for a seal or a signature, as texts: their order is right but
    for parts of a second."""

    def __init__(self) -> None:
        """None waits."""
        self._first: str | None = None
        self._last = ""

    def add(self, at: str) -> None:
        """An event waits that was recorded then."""
        if self._first is None or at < self._first:
            self._first = at
        self._last = max(self._last, at)

    def is_amiss(self, now: datetime) -> bool:
        """Whether one waits for too long, or lies in the future. `now` is what an export says: it
        cannot have been made before the events that it holds."""
        if self._first is None:
            return False
        try:
            first, last = map(datetime.fromisoformat, (self._first, self._last))
            return max(now, last) - first > WAITS_FOR or last - now > AHEAD
        except (ValueError, OverflowError, TypeError):
            return True
