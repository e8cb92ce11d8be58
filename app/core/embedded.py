"""A PostgreSQL of our own, under the data directory, for hosts that have none.

One process at a time holds it (a lock on a file); it starts the server, or adopts the one that a
killed predecessor left running, and stops it. The server listens on a Unix socket alone, which
only our user and root may enter.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import structlog

from app.core import postmaster
from app.core.cluster import (
    BINARIES,
    DATABASE,
    ENVIRONMENT,
    PORT,
    ROLE,
    SUPERUSER,
    Cluster,
    EmbeddedError,
)
from app.core.locks import AlreadyLocked, FileLock
from app.core.privileges import CannotRunAs

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
READY_SECONDS = 600.0  # recovery after a crash reads what was written since the last checkpoint
SHARED_MEMORY_SECONDS = 15.0
STOP_SECONDS = 60.0
WATCH_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
POLL_SECONDS = 0.02
log = structlog.get_logger()


class EmbeddedPostgres:
    """One embedded server. `start` and `stop` belong to one process at a time."""

    def __init__(self, data_dir: Path, *, connections: int = 100, durable: bool = True) -> None:
        """`connections` is how many at once; only tests are not `durable`, which is faster and
        loses data with the machine's power."""
        self._cluster = Cluster(data_dir)
        self._connections = connections
        self._durable = durable
        self._lock = FileLock(self._cluster.home / "lock")
        self._pid: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """Where the database is, as a libpq URL. Raises `EmbeddedError` unless it runs."""
        return self._url(ROLE, DATABASE)

    @property
    def superuser_url(self) -> str:
        """The same database as PostgreSQL's superuser, for backups and tests; `url` is no
        superuser's, so that nothing that we serve can get around a trigger or a constraint."""
        return self._url(SUPERUSER, DATABASE)

    def start(self) -> str:
        """Start it, or adopt it where it runs, and return its URL once it answers.

        Raises `EmbeddedError` when another process holds it, or when it cannot run here.
        """
        try:
            self._cluster.prepare_home()
            self._take_lock()
        except OSError as error:
            raise EmbeddedError(_unusable(self._cluster.data_dir, error)) from error
        try:
            self._bring_up()
            self._make_database()
        except CannotRunAs as error:
            self.stop()
            raise EmbeddedError(str(error)) from error
        except OSError as error:
            self.stop()
            raise EmbeddedError(_unusable(self._cluster.data_dir, error)) from error
        except BaseException:
            self.stop()
            raise
        return self.url

    @contextmanager
    def kept_running(self) -> Iterator[None]:
        """While this lasts, start it again whenever it ends by itself, at the same address."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=[over], name="postgres", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join(STOP_SECONDS)

    def stop(self) -> None:
        """Stop it cleanly, which takes as long as writing its last checkpoint. Does nothing in a
        process that does not hold it; safe to call twice."""
        if not self._lock.held:
            return
        if self._pid is not None:
            postmaster.stop(self._pid, self._cluster.pgdata, STOP_SECONDS)
        if self._child is not None:
            self._child.wait()
        if self._socket is not None:
            self._cluster.drop_socket_folder(self._socket)
        self._pid = self._child = self._socket = None
        self._lock.release()

    def running_url(self) -> str | None:
        """The URL of a server that another process holds and that answers; else None."""
        found = postmaster.running(self._cluster.pgdata.resolve())
        if found is None or found.socket_folder is None or found.status != "ready":
            return None
        return _url(found.socket_folder, ROLE, DATABASE)

    def _keep(self, over: threading.Event) -> None:
        pause = WATCH_SECONDS
        while not over.wait(pause):
            if self._pid is not None and postmaster.works_in(self._pid, self._cluster.pgdata):
                pause = WATCH_SECONDS
                continue
            try:
                self._revive()
            except (EmbeddedError, OSError) as error:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                log.error("postgres_does_not_start", reason=str(error))

    def _revive(self) -> None:
        log.error("postgres_ended", pid=self._pid, remedy="it is being started again")
        if self._child is not None:
            self._child.wait()
        postmaster.clear_leftovers(self._cluster.pgdata)
        self._launch()

    def _take_lock(self) -> None:
        self._lock = FileLock(self._cluster.home / "lock")
        try:
            self._lock.acquire()
        except AlreadyLocked as error:
            holder = "another process" if error.pid is None else f"process {error.pid}"
            raise EmbeddedError(
                f"{self._cluster.data_dir} is in use by {holder}, and one server at a time may use "
                "a data directory. Stop that one first, or set STAGEWARD_DATA_DIR to another "
                "directory."
            ) from None

    def _bring_up(self) -> None:
        pgdata = self._cluster.pgdata
        found = postmaster.running(pgdata)
        if found is not None and found.status == "stopping":
            postmaster.wait_until_gone(found.pid, pgdata, STOP_SECONDS)
            found = None
        if found is None:
            if pgdata.exists():
                self._sweep()
            self._cluster.prepare(durable=self._durable)
            self._launch()
        elif self._adopt(found.pid):
            log.info("postgres_adopted", pid=found.pid)
        else:
            self._bring_up()

    def _adopt(self, pid: int) -> bool:
        """Take over a server that runs; False where it ended meanwhile (one that was killed a
        moment ago is still listed for as long as it takes to die)."""
        self._pid = pid
        try:
            self._wait_until_ready()
        except EmbeddedError:
            if postmaster.works_in(pid, self._cluster.pgdata):
                raise
        while postmaster.works_in(pid, self._cluster.pgdata):
            try:
                psycopg.connect(self._url(SUPERUSER, SUPERUSER), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(POLL_SECONDS)
            else:
                return True
        self._pid = self._socket = None
        return False

    def _sweep(self) -> None:
        """Clear what a killed server left: processes, a pid file, a private socket folder."""
        left = postmaster.named(self._cluster.pgdata)
        postmaster.clear_leftovers(self._cluster.pgdata)
        if left is not None and left.socket_folder is not None:
            self._cluster.drop_socket_folder(left.socket_folder)

    def _launch(self) -> None:
        """Start the server; again for a while where a killed one still holds shared memory."""
        self._socket = self._cluster.make_socket_folder(self._socket)
        command = self._cluster.runner(self._socket / "any").command(
            BINARIES / "postgres",
            *("-D", str(self._cluster.pgdata)),
            *self._cluster.options(self._socket, self._connections),
        )
        deadline = time.monotonic() + SHARED_MEMORY_SECONDS
        while True:
            try:
                self._spawn(command)
                self._wait_until_ready()
            except EmbeddedError as error:
                if "shared memory block" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS * 10)
            else:
                return

    def _spawn(self, command: list[str]) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches us and not it."""
        with (self._cluster.home / "startup.log").open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603 - our own program
                command,
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._pid = self._child.pid

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            ended = self._child is not None and self._child.poll() is not None
            found = postmaster.running(self._cluster.pgdata)
            if found is not None and found.pid == self._pid and found.status == "ready":
                self._socket = found.socket_folder
                return
            if ended or (self._child is None and found is None):
                self._pid = self._child = None
                raise EmbeddedError(f"PostgreSQL did not start: {self._complaint()}")
            time.sleep(POLL_SECONDS)
        raise EmbeddedError(
            f"PostgreSQL was not ready after {READY_SECONDS:.0f} seconds; "
            f"{self._cluster.home / 'log'} says what it does."
        )

    def _complaint(self) -> str:
        """What the server said before it ended."""
        files = [self._cluster.home / "startup.log", *(self._cluster.home / "log").glob("*.log")]
        newest = sorted((f for f in files if f.exists()), key=lambda f: f.stat().st_mtime)[-2:]
        text = "\n".join(file.read_text(errors="replace")[-4000:] for file in newest)
        fatal = [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line]
        return fatal[-1] if fatal else (text.strip() or "it said nothing.").splitlines()[-1]

    def _make_database(self) -> None:
        """The role that we serve as (no superuser) and its database."""
        with psycopg.connect(self._url(SUPERUSER, SUPERUSER), autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if there.fetchone() is None:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN")
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if there.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")

    def _url(self, role: str, database: str) -> str:
        if self._socket is None:
            raise EmbeddedError("The embedded PostgreSQL does not run in this process.")
        return _url(self._socket, role, database)


def _url(socket: Path, role: str, database: str) -> str:
    return f"postgresql://{role}@/{database}?host={quote(str(socket), safe='')}&port={PORT}"


def _unusable(data_dir: Path, error: OSError) -> str:
    return (
        f"The data directory {data_dir} cannot be used: {error}. Set STAGEWARD_DATA_DIR to a "
        "directory that the user who runs the server may write to, or run it as the user that "
        "owns this one."
    )
