"""Reading the headers of safetensors files, and hashing each of their tensors.

A job does it, enqueued by whoever attaches such a file and once for equal bytes. It may be killed
anywhere and is then done again; every step begins by looking at what is left. No transaction is
open while bytes are read, and no more of a file than a piece and its header is ever in memory.
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from contextlib import aclosing
from typing import Any

import structlog
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import BlobMissing
from app.core.db import clock
from app.core.queue import enqueue, periodic, task
from app.core.runtime import Runtime
from app.tensors import queries
from app.tensors.queries import Changed, changes, headers, page
from app.tensors.rules import (
    PREFIX_BYTES,
    Header,
    Unreadable,
    header_length,
    is_named,
    parse_header,
)
from app.tensors.tables import TensorHeader, TensorRow

__all__ = ["Changed", "changes", "expect", "headers", "is_named", "page", "read"]

AT_ONCE = 100
log = structlog.get_logger()


async def expect(session: AsyncSession, digests: Collection[str]) -> None:
    """Have these blobs read, but for those that were, once this transaction commits."""
    known = await queries.headers(session, digests) if digests else {}
    for sha256 in sorted(digests):
        if sha256 not in known:
            await _enqueue(session, sha256)


async def _enqueue(session: AsyncSession, sha256: str) -> None:
    key = f"tensors:{sha256}"
    await enqueue(session, read_later, args={"sha256": sha256}, lock=key, queueing_lock=key)


@task("tensors.read")
async def read_later(runtime: Runtime, *, sha256: str) -> None:
    """Read a blob that is said to hold tensors."""
    await read(runtime, sha256)


async def read(runtime: Runtime, sha256: str) -> None:
    """Read the header of a blob and hash its tensors, as far as that was not done. Nothing where
    the bytes are gone, or are known to be damaged."""
    async with runtime.db.reading() as session:
        size = await queries.whole_size(session, sha256)
        known = (await queries.headers(session, [sha256])).get(sha256)
    if size is None:
        return
    try:
        if known is None:
            known = await _keep(runtime, sha256, await _read_header(runtime, sha256, size))
        if known is not None and known.status == "read" and known.hashed_at is None:
            await _hash(runtime, sha256)
    except BlobMissing:
        # Whoever looks after the blobs finds that out and tells it; there is nothing to read.
        log.warning("tensors_not_read", sha256=sha256, reason="the store does not hold the bytes")


@periodic("tensors.catch_up", cron="23 * * * *")
async def catch_up(runtime: Runtime) -> None:
    """Take up what was attached before anybody read tensors, and jobs that gave up or are lost."""
    async with runtime.db.transaction() as session:
        for sha256 in await queries.unread(session, AT_ONCE):
            await _enqueue(session, sha256)


async def _read_header(runtime: Runtime, sha256: str, size: int) -> Header | str:
    """What the header says, or why it cannot be read."""
    try:
        prefix = await _range(runtime, sha256, 0, min(PREFIX_BYTES, size))
        length = header_length(prefix, size)
        raw = await _range(runtime, sha256, PREFIX_BYTES, PREFIX_BYTES + length)
        return await asyncio.to_thread(parse_header, raw, size)
    except Unreadable as fault:
        return str(fault)


async def _range(runtime: Runtime, sha256: str, start: int, end: int) -> bytes:
    if start == end:
        return b""
    async with aclosing(runtime.store.read(sha256, start, end)) as pieces:
        return b"".join([piece async for piece in pieces])


async def _keep(runtime: Runtime, sha256: str, found: Header | str) -> TensorHeader | None:
    """Write down what was found; None where the blob is gone by now."""
    values: dict[str, Any] = {"sha256": sha256, "status": "unreadable", "reason": found}
    if isinstance(found, Header):
        values = {
            "sha256": sha256,
            "status": "read",
            "tensors_count": len(found.tensors),
            "parameters": found.parameters,
            "metadata": found.metadata,
            "metadata_left_out": found.left_out,
        }
    async with runtime.db.transaction() as session:
        if not await _is_held(session, sha256):
            return None
        made = await session.execute(
            insert(TensorHeader.__table__)  # type: ignore[arg-type]
            .values(values)
            .on_conflict_do_nothing()
            .returning(TensorHeader.__table__.c.sha256)
        )
        if made.first() is not None and isinstance(found, Header):
            await session.execute(_INSERT, {"sha256": bytes.fromhex(sha256), **_columns(found)})
        return (await queries.headers(session, [sha256])).get(sha256)


async def _is_held(session: AsyncSession, sha256: str) -> bool:
    """Whether the blob is there, and stays there until this transaction ends."""
    found = await session.execute(_HOLD, {"sha256": bytes.fromhex(sha256)})
    return found.first() is not None


_HOLD = text("select from blobs where sha256 = :sha256 and doomed_at is null for key share")
_INSERT = text("""
    insert into tensors (sha256, name, dtype, shape, start, stop)
    select :sha256, name, dtype, cast(shape as bigint[]), start, stop
    from unnest(cast(:names as text[]), cast(:dtypes as text[]), cast(:shapes as text[]),
                cast(:starts as bigint[]), cast(:stops as bigint[]))
        as given (name, dtype, shape, start, stop)
""")
_DIGESTS = text("""
    update tensors set digest = given.digest
    from unnest(cast(:names as text[]), cast(:digests as bytea[])) as given (name, digest)
    where tensors.sha256 = :sha256 and tensors.name = given.name
""")


def _columns(header: Header) -> dict[str, list[Any]]:
    return {
        "names": [each.name for each in header.tensors],
        "dtypes": [each.dtype for each in header.tensors],
        "shapes": ["{" + ",".join(map(str, each.shape)) + "}" for each in header.tensors],
        "starts": [each.start for each in header.tensors],
        "stops": [each.stop for each in header.tensors],
    }


async def _hash(runtime: Runtime, sha256: str) -> None:
    async with runtime.db.reading() as session:
        rows = await queries.in_order(session, sha256)
    digests = await _digests(runtime, sha256, rows)
    async with runtime.db.transaction() as session:
        names = [row.name for row in rows]
        values = {"sha256": bytes.fromhex(sha256), "names": names, "digests": digests}
        await session.execute(_DIGESTS, values)
        await session.execute(
            update(TensorHeader)
            .where(TensorHeader.sha256 == sha256)
            .values(hashed_at=await clock(session))
        )


async def _digests(runtime: Runtime, sha256: str, rows: Sequence[TensorRow]) -> list[bytes]:
    """The digest of each tensor, in one pass: their bytes stand one after another."""
    found = [hashlib.sha256() for _ in rows]
    if rows and rows[-1].stop > rows[0].start:
        at, offset = 0, rows[0].start
        async with aclosing(runtime.store.read(sha256, offset, rows[-1].stop)) as pieces:
            async for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    while rows[at].stop <= offset:
                        at += 1
                    taken = rest[: rows[at].stop - offset]
                    found[at].update(taken)
                    offset += len(taken)
                    rest = rest[len(taken) :]
    return [each.digest() for each in found]
