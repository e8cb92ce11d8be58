"""Looking at the blob store, and comparing it with the database."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from app.blobs import service as blobs
from app.blobs.stores.interface import BlobStore, Incoming
from app.core import eras
from app.core.problems import Problem
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.doctor import queries
from app.doctor.findings import Findings
from app.doctor.treatment import REMEDY, Treatment
from app.serving import unreachable

LEFT_ALONE = timedelta(days=1)
GIB = 2**30


async def look_at_store(store: BlobStore, settings: Settings, found: Findings) -> bool:
    """Whether it works and enforces what the service cannot be safe without."""
    where = "the local directory" if settings.s3_bucket is None else f"S3 {settings.s3_bucket}"
    try:
        if not store.is_direct:  # to prepare a bucket would be to make one that is lost
            await store.prepare()
        await store.check()
        found.good(f"Blob store: {where} takes, gives back and removes a small object.")
        traits = await store.probe()
    except Problem as problem:
        found.bad(f"Blob store: {where} cannot be used. {problem.detail}")
        return False
    width = max((len(trait.name) for trait in traits), default=0)
    for trait in traits:
        say = found.good if trait.held else found.bad if trait.needed else found.note
        answer = "yes" if trait.held else "no "
        lacking = "The service cannot do without. " if trait.needed and not trait.held else ""
        say(f"Blob store: {trait.name:<{width}}  {answer}  {lacking}{trait.meaning}")
    return True


async def compare(runtime: Runtime, found: Findings, *, deep: bool, fix: bool) -> None:
    """Say where the store and the database differ, both ways; with `fix`, mend what can be."""
    try:
        if fix:  # as whoever writes to the record: it may have been restored a moment ago
            await asyncio.to_thread(eras.look, runtime.db.url)
        await _blobs(runtime, found, deep=deep, fix=fix)
        await _incoming(runtime, found, fix=fix)
    except Problem as problem:
        found.bad(f"Blob store: the comparison was broken off. {problem.detail}")
    except (psycopg.Error, SQLAlchemyError) as error:
        found.bad(unreachable(error))
    finally:
        found.tell_rest()


async def _blobs(runtime: Runtime, found: Findings, *, deep: bool, fix: bool) -> None:
    async with runtime.db.reading() as session:
        report = await blobs.report(session)
    size = f"{report.blobs} of {report.stored_bytes / GIB:.1f} GiB in all"
    if deep:
        found.note(f"Blobs: {size} are read and hashed. That takes a while.")
    treatment = Treatment(runtime, found, fix=fix)
    looking = blobs.differences(runtime.db, runtime.store, deep=deep, recording=fix)
    are_equal = True
    async with aclosing(looking) as differences:
        async for difference in differences:
            are_equal = False
            await treatment.treat(difference)
    if treatment.is_wanting_bytes:
        found.note(REMEDY)
    if are_equal:
        how = "and every byte is what it was" if deep else "by number and size (--deep reads them)"
        found.good(f"Blobs: {size}. Store and database agree, {how}.")


async def _incoming(runtime: Runtime, found: Findings, *, fix: bool) -> None:
    """What lies under `incoming/` for nobody: a sweep frees it, where a worker runs."""
    count = 0
    async with aclosing(_forgotten(runtime)) as forgotten:
        async for entry in forgotten:
            count += 1
            if fix:
                await runtime.store.abort(entry.id, entry.handle)
    if fix:
        count += await runtime.store.clear_copies(datetime.now(UTC) - LEFT_ALONE)
    if count and not fix:
        found.bad(
            f"Incoming: {count} uploads that ended, or were never known, have left bytes for more "
            "than a day. A worker frees them: see that one runs. --fix frees them now."
        )
    elif count:
        found.good(f"Incoming: {count} leftovers of more than a day ago were freed.")
    else:
        found.good("Incoming: nothing lies there for nobody.")


async def _forgotten(runtime: Runtime) -> AsyncGenerator[Incoming]:
    before = datetime.now(UTC) - LEFT_ALONE
    async with aclosing(runtime.store.incoming()) as listed:
        async for entry in listed:
            if entry.modified_at >= before:
                continue
            async with runtime.db.reading() as session:
                is_under_way = bool(await queries.under_way(session, [entry.id]))
            if not is_under_way:  # told without a connection: who asks now goes to the store
                yield entry
