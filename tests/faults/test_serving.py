"""The server as an operator meets it: started, ended, killed, misconfigured. Real processes."""

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app import cli
from app.core import postmaster, schema
from app.core.embedded import EmbeddedPostgres
from tests.servers import Server, Start
from tests.waiting import SECONDS, until

SECRET = "a-secret-key-for-tests-0123456789"


def postgres_pid(tmp_path: Path) -> int | None:
    found = postmaster.running(tmp_path / "data" / "postgres" / "data")
    return None if found is None else found.pid


def get(url: str, path: str, token: str, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{url}/api/v1{path}"
    return httpx.get(address, headers=headers, timeout=60, verify=False, **options)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_and_takes_its_postgresql_along(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    server = start()
    assert get(server.url, "/me", server.token or "").status_code == 200
    assert postgres_pid(tmp_path) is not None
    assert server.end(number) == 0
    assert postgres_pid(tmp_path) is None
    assert "Traceback" not in server.logged.read_text()


def test_the_admins_token_is_printed_once_only(start: Start) -> None:
    first = start()
    _ = first.url
    token = first.token
    assert token is not None
    first.end()
    second = start()
    assert get(second.url, "/me", token).status_code == 200
    assert second.token is None
    assert token not in second.logged.read_text()


def test_a_killed_server_serves_again(start: Start, tmp_path: Path) -> None:
    first = start()
    _ = first.url
    token = first.token or ""
    before = postgres_pid(tmp_path)
    first.end(signal.SIGKILL)
    second = start()
    assert get(second.url, "/me", token).status_code == 200
    assert postgres_pid(tmp_path) == before
    os.kill(before or 0, signal.SIGKILL)
    second.end(signal.SIGKILL)
    third = start()
    assert get(third.url, "/me", token).status_code == 200


def test_it_comes_back_by_itself_after_postgresql_restarted(start: Start, tmp_path: Path) -> None:
    server = start()
    url, token = server.url, server.token or ""
    with psycopg.connect(_superuser_url(tmp_path)) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        )
    until(lambda: get(url, "/me", token).status_code == 200, what="an answer")
    assert server.end() == 0


def test_it_starts_its_postgresql_again_when_that_was_killed(start: Start, tmp_path: Path) -> None:
    server = start()
    url, token = server.url, server.token or ""
    before = postgres_pid(tmp_path)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: postgres_pid(tmp_path) not in (None, before), what="another PostgreSQL")
    until(lambda: get(url, "/me", token).status_code == 200, what="an answer")
    assert server.end() == 0
    assert postgres_pid(tmp_path) is None


def _superuser_url(tmp_path: Path) -> str:
    server = EmbeddedPostgres(tmp_path / "data")
    return (server.running_url() or "").replace("//stageward@/", "//postgres@/")


def test_several_processes_serve_one_database_and_end_together(
    start: Start, tmp_path: Path
) -> None:
    server = start(workers="2")
    url, token = server.url, server.token or ""
    children = _children(server.process.pid)
    assert len(children) >= 2
    assert get(url, "/me", token).status_code == 200
    assert server.end() == 0
    assert not any(_alive(child) for child in children)
    assert postgres_pid(tmp_path) is None


def test_processes_do_not_outlive_a_killed_parent(start: Start) -> None:
    server = start(workers="2")
    port = httpx.URL(server.url).port
    children = _children(server.process.pid)
    server.end(signal.SIGKILL)
    until(lambda: not any(_alive(child) for child in children), what="the children to end")
    again = start(workers="2", port=str(port))
    assert httpx.get(f"{again.url}/readyz").status_code == 200
    assert again.end() == 0


def _children(pid: int) -> list[int]:
    """The serving processes below this one."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [child for child in map(int, text.split()) if "spawn_main" in _command(child)]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_who_waits_is_answered_at_once_when_it_ends(start: Start) -> None:
    server = start()
    url, token = server.url, server.token or ""
    after = get(url, "/events", token).json()["next_after"]
    answers: list[httpx.Response] = []

    def wait() -> None:
        answers.append(get(url, "/events", token, params={"after": after, "wait": 30}))

    waiter = threading.Thread(target=wait)
    waiter.start()
    until(lambda: _under_way(url, token) == 1, what="the poll to begin")
    server.process.send_signal(signal.SIGTERM)
    waiter.join(9)  # less than the ten seconds that other requests get, and than the poll asked for
    assert [answer.status_code for answer in answers] == [200]
    assert answers[0].json()["items"] == []
    assert server.process.wait(SECONDS) == 0


def _under_way(url: str, token: str) -> int:
    """How many requests are being answered, but for this one."""
    headers = {"Authorization": f"Bearer {token}"}
    text = httpx.get(f"{url}/metrics", headers=headers, timeout=60).text
    found = re.search(r"^stageward_http_requests_in_progress (\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) - 1


def test_a_request_under_way_is_finished_first(start: Start) -> None:
    server = start()
    url, token = server.url, server.token or ""
    body = json.dumps({"name": "churn"}).encode()
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 0), timeout=30) as line:
        line.sendall(
            b"POST /api/v1/models HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
            % (token.encode(), len(body))
            + body[:5]
        )
        until(lambda: _under_way(url, token) == 1, what="the request to begin")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not _accepts(address), what="the port to close")
        line.sendall(body[5:])
        assert line.recv(12) == b"HTTP/1.1 201"
    assert server.process.wait(SECONDS) == 0


def _accepts(address: httpx.URL) -> bool:
    try:
        socket.create_connection((address.host, address.port or 0), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_signal_before_it_serves_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    server = start()
    until(lambda: postgres_pid(tmp_path) is not None, what="PostgreSQL")
    assert server.end() == 0
    assert postgres_pid(tmp_path) is None


def refused(server: Server) -> str:
    """The one line of a server that would not serve."""
    assert server.process.wait(SECONDS) == 1
    logged = server.logged.read_text()
    assert "Traceback" not in logged
    lines = [line for line in logged.splitlines() if line.startswith("stageward: ")]
    assert len(lines) == 1, logged
    return lines[0]


def test_a_port_in_use_is_named(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(start(port=str(port)))
    assert f"127.0.0.1:{port}" in line
    assert "STAGEWARD_PORT" in line
    assert not (tmp_path / "data").exists()


def test_a_second_server_on_one_data_directory_is_refused(start: Start) -> None:
    first = start()
    _ = first.url
    line = refused(start())
    assert f"process {first.process.pid}" in line
    assert "STAGEWARD_DATA_DIR" in line
    assert first.end() == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": "many"}, "STAGEWARD_PORT"),
        ({"log_format": "xml"}, "'console' or 'json'"),
        ({"database_url": "postgresql://x@/y"}, "STAGEWARD_SECRET_KEY must be set"),
        ({"secret_key": "short"}, "at least 32 characters"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line(
    settings: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"STAGEWARD_{name.upper()}", value)
    monkeypatch.setattr(sys, "argv", ["stageward", "serve"])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"database_url": "postgresql://x@127.0.0.1:9/y", "secret_key": SECRET},
            "PostgreSQL cannot be used",
        ),
        ({"host": "192.0.2.1"}, "192.0.2.1"),
        (
            {"s3_bucket": "models", "s3_endpoint": "http://127.0.0.1:9"},
            "blob store cannot be used",
        ),
        ({"data_dir": "/proc/stageward"}, "STAGEWARD_DATA_DIR"),
    ],
)
def test_what_is_in_the_way_of_serving_is_one_line(
    start: Start, settings: dict[str, str], words: str
) -> None:
    assert words in refused(start(**settings))


@pytest.fixture
def external(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL that the operator brings, with an empty database."""
    server = EmbeddedPostgres(tmp_path / "external", durable=False)
    try:
        yield server.start()
    finally:
        server.stop()


def test_an_external_database_is_used_once_it_has_the_schema(
    start: Start, tmp_path: Path, external: str
) -> None:
    own = {"database_url": external, "secret_key": SECRET}
    assert "python -m app migrate" in refused(start(**own))
    migrated = start("migrate", **own)
    assert migrated.process.wait(SECONDS) == 0
    assert schema.expected_revision() in migrated.said.read_text()

    server = start(**own)
    assert get(server.url, "/me", server.token or "").status_code == 200
    assert not (tmp_path / "data" / "postgres").exists()
    assert server.end() == 0

    worker = start("worker", **own)
    with psycopg.connect(external, autocommit=True) as connection:
        until(
            lambda: connection.execute("select 1 from procrastinate_workers").fetchone(),
            what="the worker to begin",
        )
        assert worker.end() == 0
        assert connection.execute("select 1 from procrastinate_workers").fetchone() is None
        connection.execute("update alembic_version set version_num = '9999'")
    assert "Upgrade the server" in refused(start(**own))
    assert "Upgrade the server" in refused(start("worker", **own))


def test_the_embedded_server_needs_no_worker_beside_it(start: Start) -> None:
    assert "inside itself" in refused(start("worker"))


def test_doctor_says_what_is_there_and_what_is_wrong(
    start: Start, tmp_path: Path, external: str
) -> None:
    nothing = start("doctor")
    assert nothing.process.wait(SECONDS) == 0
    assert "the first `serve` makes it" in nothing.said.read_text()

    assert start("migrate").process.wait(SECONDS) == 0
    well = start("doctor")
    assert well.process.wait(SECONDS) == 0, well.said.read_text()
    for words in ("version 18", "btree_gist", "revision", "Blob store", "GiB free"):
        assert words in well.said.read_text()
    assert postgres_pid(tmp_path) is None

    ill = start("doctor", database_url=external, secret_key=SECRET, databse_url="a typing mistake")
    assert ill.process.wait(SECONDS) == 1
    said = ill.said.read_text()
    assert "WRONG  Settings: STAGEWARD_DATABSE_URL" in said
    assert "note   Whoever waits looks once a second. Set STAGEWARD_LISTEN_URL" in said
    assert "WRONG  Schema: The database has no schema yet" in said
    assert "Traceback" not in ill.logged.read_text()
