"""The events of blobs."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record


def tell(session: AsyncSession, action: str, sha256: str, size: int, **details: Any) -> None:
    """Record that something was done to a blob, or found of it. The event has no actor and no
    model: admins only see it, so that nobody else learns of a digest."""
    told = {"sha256": sha256, "size": size, **details}
    record(session, None, action, subject=f"blob:{sha256}", details=told)
