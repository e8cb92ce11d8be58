"""Identifiers of rows that are not numbered: UUIDv7, so that keys arrive in order."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh identifier, later ones greater than earlier ones (to the millisecond)."""
    return UUID(int=uuid_utils.uuid7().int)
