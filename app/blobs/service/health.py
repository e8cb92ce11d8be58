"""Looking at stored blobs, and recording what is wrong with them."""

import errno
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.problems import BlobMissing
from app.blobs.queries import KnownBlob
from app.blobs.rules import damage_of
from app.blobs.service.telling import tell
from app.blobs.stores.interface import BlobStore
from app.blobs.tables import Blob
from app.core.db import Database, clock
from app.core.problems import Unavailable

Pacing = Callable[[int], Awaitable[None]]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Condition:
    """What looking at a blob has shown.

    `damage` is None where it is as it should be, as far as was looked. `size` is None where there
    is nothing; `sha256` is None where the bytes were not read, or could not be.
    """

    damage: str | None
    size: int | None
    sha256: str | None = None


async def examine(
    store: BlobStore, sha256: str, size: int, *, whole: bool, pacing: Pacing | None = None
) -> Condition:
    """Look at one blob in the store; with `whole`, read all of it and hash it, a piece of less
    than a MiB at a time. What seems wrong is looked at twice, because a fault on the way to us is
    no damage. `Unavailable` where the store is away: that is no damage either."""
    condition = await _look(store, sha256, size, whole, pacing)
    if condition.damage is not None:
        condition = await _look(store, sha256, size, whole, pacing)
    return condition


async def try_to_examine(
    store: BlobStore, sha256: str, size: int, *, whole: bool, pacing: Pacing | None = None
) -> Condition | None:
    """The same; None where this blob cannot be read at this moment, although the store works. Only
    a store that is away is `Unavailable` then."""
    try:
        return await examine(store, sha256, size, whole=whole, pacing=pacing)
    except Unavailable as error:
        await store.check()
        log.error("blob_unreadable", sha256=sha256, reason=error.detail)
        return None


async def _look(
    store: BlobStore, sha256: str, size: int, whole: bool, pacing: Pacing | None
) -> Condition:
    found = await store.size(sha256)
    if found == size and whole:
        try:
            came, digest = await _read(store, sha256, size, pacing)
        except BlobMissing:
            found = await store.size(sha256)
        except Unavailable as error:
            await _must_be_unreadable(store, error)
            return Condition("altered", size)
        else:
            return Condition(damage_of(sha256, size, came, digest), came, digest)
    return Condition(damage_of(sha256, size, found), found)


async def _read(store: BlobStore, sha256: str, size: int, pacing: Pacing | None) -> tuple[int, str]:
    came, hasher = 0, hashlib.sha256()
    async with aclosing(store.read(sha256, 0, size)) as pieces:
        async for piece in pieces:
            hasher.update(piece)
            came += len(piece)
            if pacing is not None:
                await pacing(len(piece))
    return came, hasher.hexdigest()


async def _must_be_unreadable(store: BlobStore, error: Unavailable) -> None:
    """Pass where these very bytes cannot be read: the disk says so, and the store works otherwise.
    Everything else is raised again, because it may pass."""
    cause = error.__cause__
    if not (isinstance(cause, OSError) and cause.errno == errno.EIO):
        raise error
    await store.check()


async def note(db: Database, blob: KnownBlob, condition: Condition) -> bool:
    """Record what a look has shown; whether it still stands. It does not where the blob was swept,
    or its bytes came again, while it was looked at."""
    async with db.transaction() as session:
        row = await queries.locked(session, blob.sha256)
        if row is None or row.doomed_at is not None or row.checked_at != blob.checked_at:
            return False
        if condition.damage is None:
            await heal(session, row)
        elif row.damage != condition.damage:
            row.damage = condition.damage
            _tell_damage(session, row, condition)
        row.checked_at = await clock(session)
        return True


async def heal(session: AsyncSession, row: Blob) -> None:
    """The blob of this row, which is held, is whole: nothing is wrong with it any more."""
    if row.damage is not None:
        tell(session, "blob.repaired", row.sha256, row.size, damage=row.damage)
        row.damage = None


def _tell_damage(session: AsyncSession, row: Blob, condition: Condition) -> None:
    found = {"size": condition.size, "sha256": condition.sha256}
    log.error("blob_damaged", sha256=row.sha256, damage=condition.damage, **_as_found(found))
    tell(session, "blob.damaged", row.sha256, row.size, damage=condition.damage, found=found)


def _as_found(found: dict[str, Any]) -> dict[str, Any]:
    return {f"found_{name}": value for name, value in found.items()}
