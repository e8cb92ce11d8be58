"""The examination from beginning to end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from app.core.embedded import EmbeddedError, EmbeddedPostgres
from app.core.settings import Settings
from app.doctor.findings import Findings
from app.doctor.people import look_at_people
from app.doctor.postgres import look_at_database
from app.doctor.record import look_at_record
from app.doctor.settings import look_at_settings
from app.doctor.signin import look_at_sign_in
from app.doctor.storage import compare, look_at_store
from app.main import build_runtime

GIB = 2**30


def examine(settings: Settings, *, deep: bool = False, fix: bool = False) -> bool:
    """Print a line for each thing looked at; whether all is well, or is after `fix`. With `deep`,
    every stored byte is read."""
    found = Findings()
    look_at_settings(settings, found)
    try:
        with _database(settings, found) as url:
            if url is not None:
                uvloop.run(_services(settings, url, found, deep=deep, fix=fix))
    except EmbeddedError as error:
        found.bad(str(error))
    return found.well


@contextmanager
def _database(settings: Settings, found: Findings) -> Iterator[str | None]:
    """The database to look at: the operator's, or our own, started for this if it does not run."""
    if not settings.embedded:
        yield settings.serving_url
        return
    if not settings.data_dir.exists():
        found.note(f"{settings.data_dir} is not there yet; the first `serve` makes it.")
        yield None
        return
    free = shutil.disk_usage(settings.data_dir).free
    (found.good if free > GIB else found.bad)(
        f"Data directory: {settings.data_dir.absolute()}, {free / GIB:.1f} GiB free."
    )
    postgres = EmbeddedPostgres(settings.data_dir)
    running = postgres.running_url()
    try:
        yield running or postgres.start()
    finally:
        postgres.stop()


async def _services(
    settings: Settings, url: str, found: Findings, *, deep: bool, fix: bool
) -> None:
    try:
        runtime = build_runtime(settings, url)
    except (ValueError, OSError) as error:
        found.bad(f"Blob store: {error}")
        return
    try:
        has_database = await look_at_database(runtime, settings, found)
        if has_database:
            await look_at_people(runtime, found)
            await look_at_record(runtime, found)
        has_store = await look_at_store(runtime.store, settings, found)
        await look_at_sign_in(runtime, settings, found)
        if has_database and has_store:
            await compare(runtime, found, deep=deep, fix=fix)
    finally:
        await runtime.store.close()
        await runtime.issuers.close()
        await runtime.db.close()
