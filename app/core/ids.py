"""Identifiers of rows that are not numbered: UUIDv7, so that keys arrive in order."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh identifier, later ones greater than earlier ones (to the millisecond)."""
    return UUID(int=uuid_utils.uuid7().int)


def new_text() -> str:
    """The same as text, for what is no row."""
    return str(uuid_utils.uuid7())


def id_after(last: UUID | None) -> UUID:
    """A fresh identifier that is greater than this one, also where that was made in the same
    millisecond or by a process whose clock is ahead. Hold the lock under which `last` was read."""
    fresh = new_id()
    return fresh if last is None or fresh > last else UUID(int=last.int + 1)
