"""Letting an operator back in: `python -m app admin-token`, beside running servers or without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from app.access.recovery import CannotRecover, issue_admin_token
from app.core import schema
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.problems import Problem
from app.core.settings import Settings
from app.core.signals import Hub
from app.serving import CannotServe, unreachable

Say = Callable[[str], None]


async def admin_token(
    settings: Settings, url: str, name: str | None, *, days: int, make_admin: bool, say: Say
) -> None:
    """Issue a token for an enabled admin and say its secret, once. It is said inside the
    transaction: what is kept was shown."""
    schema.load_tables()  # low rooms' tables name higher rooms' in their foreign keys
    db = Database(url, pool_size=1, hub=Hub(None))
    try:
        async with db.engine.connect() as connection:
            await schema.check(connection)
        async with db.transaction() as session:
            holder, secret = await issue_admin_token(
                session, name, days=days, make_admin=make_admin, signing_key=settings.signing_key
            )
            say(f"A token of {holder}'s for {days} days, shown this once: {secret}")
    except SQLAlchemyError as error:
        raise CannotServe(unreachable(error)) from error
    except (CannotRecover, Problem) as error:
        raise CannotServe(str(error)) from error
    finally:
        await db.close()


@contextmanager
def database_beside(settings: Settings) -> Iterator[str]:
    """Where the database is: the operator's, the one of a server that runs, or our own, started
    for this."""
    if not settings.embedded:
        yield settings.serving_url
        return
    if not settings.data_dir.exists():
        raise CannotServe(
            f"{settings.data_dir.absolute()} is not there: set STAGEWARD_DATA_DIR to the server's "
            "data directory. Where there is none yet, the first `serve` prints an admin's token."
        )
    postgres = EmbeddedPostgres(settings.data_dir)
    try:
        yield postgres.running_url() or postgres.start()
    finally:
        postgres.stop()
