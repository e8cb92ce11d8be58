"""Beginning uploads in parts, and going on with them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Text, Uuid, func, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import UploadClosed
from app.blobs.stores.interface import Link, Part
from app.blobs.stores.interface import Upload as StoreUpload
from app.core.actor import Actor
from app.core.problems import InvalidRequest
from app.core.runtime import Runtime
from app.files import queries
from app.files.schemas import FileToUpload
from app.files.service.declare import PartSize, declare
from app.files.tables import Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel

LINK_LIFETIME = timedelta(minutes=30)
AT_ONCE = 16
MOST_PARTS = 20_000  # of one answer, which tells some 500 bytes of each
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Offer:
    """An upload with what is left to send: (part, link, whether it has arrived)."""

    upload: Upload
    parts: list[tuple[Part, Link, bool]]


async def begin(
    runtime: Runtime, actor: Actor, target: VersionInModel, files: list[FileToUpload]
) -> list[Offer]:
    """Begin what was not begun and resume what was: asking again gives what is left, with fresh
    links."""
    _check_parts(files, runtime.store.part_size_for)
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        rows = await declare(
            session, actor, target.model, version, files, runtime.store.part_size_for
        )
        await _keep_part_digests(session, files, rows)
    must = await _side_by_side(partial(_must_begin, runtime), rows)
    unknown = [row for row, needed in zip(rows, must, strict=True) if needed]
    fresh = await _begin_in_store(runtime, target, unknown) if unknown else set()

    async def offer(row: Upload) -> Offer:
        return await _offer(runtime, row, is_fresh=row.id in fresh)

    return await _side_by_side(offer, rows)


async def _side_by_side(step: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """What a step gives for each item, in order, some of them at a time."""
    found: list[R] = []
    for start in range(0, len(items), AT_ONCE):
        found += await asyncio.gather(*map(step, items[start : start + AT_ONCE]))
    return found


def _check_parts(files: list[FileToUpload], part_size_for: PartSize) -> None:
    count = 0
    for index, file in enumerate(files):
        count += max(1, -(-file.size // part_size_for(file.size)))
        if count > MOST_PARTS:
            detail = (
                f"Up to this file there are more than {MOST_PARTS} parts, which is more than one "
                "answer tells. Ask for these files in several requests."
            )
            raise InvalidRequest(detail, errors=[{"pointer": f"/files/{index}", "detail": detail}])


async def _keep_part_digests(
    session: AsyncSession, files: list[FileToUpload], rows: list[Upload]
) -> None:
    told = []
    for index, (file, row) in enumerate(zip(files, rows, strict=True)):
        if file.part_sha256 is not None and row.status == "open":
            _check_part_digests(index, file.part_sha256, row)
            row.part_sha256 = file.part_sha256
            told.append({"id": row.id, "part_sha256": file.part_sha256})
    if told:
        # The rows hold it already; those that go on would forget it, and no session load it again.
        await session.execute(update(Upload).execution_options(synchronize_session=False), told)


def _check_part_digests(index: int, digests: list[str], row: Upload) -> None:
    count = len(as_store_upload(row).parts)
    if len(digests) != count:
        raise InvalidRequest(
            "The number of part digests is not the number of parts.",
            errors=[
                {
                    "pointer": f"/files/{index}/part_sha256",
                    "detail": f"This file is sent in {count} parts of {row.part_size} bytes (the "
                    f"last may be shorter); {len(digests)} digests came.",
                }
            ],
        )


def as_store_upload(row: Upload) -> StoreUpload:
    """The upload as the store knows it."""
    return StoreUpload(row.id, row.size, row.part_size, row.store_handle, row.sha256)


async def _must_begin(runtime: Runtime, row: Upload) -> bool:
    """Whether the store does not know of an upload yet, or was told of it before the digests of its
    parts were, could bind its links to them, and has got nothing of it so far."""
    if row.status != "open" or not row.begun:
        return row.status == "open"
    upload = as_store_upload(row)
    if row.part_sha256 is None or runtime.store.takes_part_digests(upload):
        return False
    return not await _arrived(runtime, upload)


async def _begin_in_store(
    runtime: Runtime, target: VersionInModel, rows: list[Upload]
) -> set[UUID]:
    """Begin uploads in the store, and note what it calls them; which of them were begun here. Of
    two who begin the same one, the second finds that out when it notes, and goes on with what the
    first has begun: one upload never takes its parts in two places."""

    async def begin_one(row: Upload) -> StoreUpload:
        begun: StoreUpload = await runtime.store.begin(
            row.id, row.size, row.sha256, part_digests=row.part_sha256 is not None
        )
        return begun

    before = [as_store_upload(row) if row.begun else None for row in rows]
    after = await _side_by_side(begin_one, rows)
    async with runtime.db.transaction() as session:
        await versions.lock_version(session, target.version.id)  # before the uploads of it
        noted = await _note(session, before, after)
        now = await queries.uploads_now(session, [row.id for row in rows])
    for row in rows:
        for name in ("status", "begun", "store_handle", "part_size"):
            setattr(row, name, getattr(now[row.id], name))
    not_used = [old if new.id in noted else new for old, new in zip(before, after, strict=True)]
    await _side_by_side(runtime.store.forget, [upload for upload in not_used if upload])
    return noted


async def _note(
    session: AsyncSession, before: list[StoreUpload | None], after: list[StoreUpload]
) -> set[UUID]:
    """Write down what the store calls uploads, where they are still as they were seen `before`;
    which those are."""
    given = func.unnest(
        literal([new.id for new in after], ARRAY(Uuid)),
        literal([old is not None for old in before], ARRAY(Boolean)),
        literal([old and old.handle for old in before], ARRAY(Text)),
        literal([new.handle for new in after], ARRAY(Text)),
        literal([new.part_size for new in after], ARRAY(BigInteger)),
    )
    names = ("id", "was_begun", "was_called", "handle", "part_size")
    rows = given.table_valued(*names).render_derived()
    noted = await session.execute(
        update(Upload)
        .where(
            Upload.id == rows.c.id,
            Upload.status == "open",
            Upload.begun == rows.c.was_begun,
            Upload.store_handle.is_not_distinct_from(rows.c.was_called),
        )
        .values(begun=True, store_handle=rows.c.handle, part_size=rows.c.part_size)
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    return set(noted.scalars())


async def _offer(runtime: Runtime, row: Upload, *, is_fresh: bool) -> Offer:
    if row.status != "open":
        return Offer(row, [])
    upload = as_store_upload(row)
    here = set() if is_fresh else await _arrived(runtime, upload)
    digests = row.part_sha256 or [None] * len(upload.parts)
    parts = [
        replace(part, sha256=digest) for part, digest in zip(upload.parts, digests, strict=True)
    ]
    links = await runtime.store.link_parts(upload, parts, LINK_LIFETIME)
    return Offer(
        row,
        [(part, link, part.number in here) for part, link in zip(parts, links, strict=True)],
    )


async def _arrived(runtime: Runtime, upload: StoreUpload) -> set[int]:
    """The numbers of the parts that are there. Where the store takes no more of them, because they
    were put together already, nothing is left to send and completing goes on from there."""
    try:
        return {part.number for part in await runtime.store.parts_present(upload)}
    except UploadClosed:
        return {part.number for part in upload.parts}
