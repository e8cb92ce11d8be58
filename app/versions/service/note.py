"""Events about a version."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import announce
from app.models.tables import Model
from app.versions.tables import Version


def note(
    session: AsyncSession,
    actor: Actor | None,
    model: Model,
    version: Version,
    action: str,
    **details: Any,
) -> None:
    """Record an event about a version, and wake those who wait for it."""
    audit.record(
        session,
        actor,
        action,
        subject=f"version:{model.name}/{version.number}",
        model_id=model.id,
        model=model.name,
        version=version.number,
        details=details,
    )
    announce(session, f"version:{version.id}")
