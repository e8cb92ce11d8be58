"""Recording events, in the transaction of the change that they tell."""

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.tables import Event
from app.core.actor import Actor
from app.core.canonical import canonical, sha256_hex
from app.core.context import origin
from app.core.db import announce

SYSTEM = "stageward"
TOPIC = "events"


def record(
    session: AsyncSession,
    actor: Actor | None,
    action: str,
    *,
    subject: str,
    model_id: UUID | None = None,
    model: str | None = None,
    version: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add one event to this transaction: `actor` did `action` (`promotion.applied`) to `subject`
    (`promotion:<id>`). No actor means the service itself. `details` say what differed and never
    hold a secret."""
    payload = details or {}
    salt = secrets.token_bytes(16)
    where = origin.get()
    session.add(
        Event(
            action=action,
            actor_id=actor.identity_id if actor else None,
            actor=actor.name if actor else SYSTEM,
            token_id=actor.token_id if actor else None,
            model_id=model_id,
            model=model,
            version=version,
            subject=subject,
            request_id=where.request_id,
            address=where.address,
            salt=salt,
            payload=payload,
            payload_sha256=sha256_hex(salt + canonical(payload)),
        )
    )
    announce(session, TOPIC)


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a change did, for an event: `{field: {"from": …, "to": …}}` of those that differ."""
    return {
        key: {"from": before.get(key), "to": value}
        for key, value in after.items()
        if before.get(key) != value
    }
