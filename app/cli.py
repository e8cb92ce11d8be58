"""The commands: `python -m app serve | migrate | worker | doctor | admin-token | verify-events`.

What goes wrong is one line with a remedy, and an exit code that is not zero.
"""

from typing import Annotated, NoReturn

import psycopg
import typer
import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app import recovery, serving
from app.core import logs, schema
from app.core.embedded import EmbeddedError, EmbeddedPostgres
from app.core.schema import SchemaError
from app.core.settings import Settings
from app.doctor.examine import examine
from app.seals import offline
from app.seals.offline import CannotVerify
from app.serving import CannotServe

commands = typer.Typer(
    name="stageward",
    help="A self-hosted model registry. Settings are environment variables: see docs/settings.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """Run a command; an operator's mistake ends in a line for each thing that is wrong."""
    try:
        commands()
    except ValidationError as error:
        _fail(*_wrong_settings(error))
    except psycopg.Error as error:
        _fail(serving.unreachable(error))
    except (CannotServe, EmbeddedError, SchemaError, SettingsError, CannotVerify) as error:
        _fail(str(error))


@commands.command()
def serve() -> None:
    """Serve the API; with nothing configured, from a PostgreSQL and a blob store of its own."""
    raise SystemExit(serving.serve(_settings()))


@commands.command()
def migrate() -> None:
    """Bring the schema up to date. Safe at any time, and many times at once."""
    settings = _settings()
    if settings.embedded:
        postgres = EmbeddedPostgres(settings.data_dir)
        try:
            revision = schema.migrate(postgres.start())
        finally:
            postgres.stop()
    else:
        revision = schema.migrate(settings.migrating_url, serving_url=settings.serving_url)
    typer.echo(f"The schema is at revision {revision}.")


@commands.command()
def worker() -> None:
    """Do the queue's jobs, for servers that share a database."""
    settings = _settings()
    if settings.embedded:
        raise CannotServe(
            "The embedded server runs its worker inside itself: there is nothing to start. Set "
            "STAGEWARD_DATABASE_URL to run a worker beside servers that share a database."
        )
    uvloop.run(serving.work(settings))


@commands.command()
def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every stored byte, and hash it again.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be, and record what cannot.")
    ] = False,
) -> None:
    """Say in plain words whether all is there that serving needs, and whether the blob store holds
    what the database says. Safe beside running servers, and to repeat."""
    raise SystemExit(0 if examine(_settings(), deep=deep, fix=fix) else 1)


@commands.command()
def verify_events(
    export: Annotated[
        typer.FileText,
        typer.Argument(
            encoding="utf-8", help="What GET /api/v1/events/export gave; - reads standard input."
        ),
    ],
    key: Annotated[
        list[str], typer.Option("--key", help="A public key in base64; may be given many times.")
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="One that was kept: seq:hash, or a file with its JSON."),
    ] = None,
) -> None:
    """Verify an export of the record, without a database or settings: 0 where it is valid."""
    kept = None if checkpoint is None else offline.read_checkpoint(checkpoint)
    report = offline.verify(export, offline.read_keys(key), kept)
    typer.echo("\n".join(report.sentences))
    raise SystemExit(0 if report.valid else 1)


@commands.command(name="admin-token")
def admin_token(
    identity: Annotated[
        str | None, typer.Option("--identity", help="Whose; needed where there are several admins.")
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="How many days it lives.")
    ] = 90,
    make_admin: Annotated[
        bool, typer.Option("--make-admin", help="Where no admin is enabled, make this one.")
    ] = False,
) -> None:
    """Issue a token for an admin, where all others are lost. Needs the server's settings; safe
    beside running servers; recorded."""
    settings = _settings()
    with recovery.database_beside(settings) as url:
        uvloop.run(
            recovery.admin_token(
                settings, url, identity, days=days, make_admin=make_admin, say=typer.echo
            )
        )


def _settings() -> Settings:
    settings = Settings()
    logs.configure(settings)
    return settings


def _wrong_settings(error: ValidationError) -> list[str]:
    lines = []
    for wrong in error.errors(include_url=False, include_input=False):
        text = wrong["msg"].removeprefix("Value error, ")
        name = "".join(f"STAGEWARD_{part}: ".upper() for part in wrong["loc"])
        lines.append(f"{name}{text.rstrip('.')}. docs/settings.md lists what each setting may be.")
    return lines


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(f"stageward: {line}", err=True)
    raise SystemExit(1)
