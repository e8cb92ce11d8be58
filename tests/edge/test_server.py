"""The edge of a real server: its sockets, and all its processes together."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.tokens.rules import new_secret
from tests.s3.server import StoreSettings
from tests.servers import Server, Start, serving, start
from tests.waiting import until

__all__ = ["start"]
SAID = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, store_settings: StoreSettings
) -> Iterator[Server]:
    """Two processes; a proxy of another machine is trusted, and old ways to trust one are not."""
    with (
        pytest.MonkeyPatch.context() as patched,
        serving(tmp_path_factory.mktemp("edge"), "local", store_settings) as start,
    ):
        patched.setenv("FORWARDED_ALLOW_IPS", "*")
        yield start(
            workers="2",
            trusted_proxies="192.0.2.1",
            failed_logins_per_minute="20",
            requests_per_minute="1000",
        )


def ask(server: Server, path: str, token: str, **options: Any) -> httpx.Response:
    """On a connection of its own, so that either process may get it."""
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    address = f"{server.url}/api/v1{path}"
    return httpx.request(
        options.pop("method", "GET"), address, headers=headers, timeout=60, verify=False, **options
    )


def said(server: Server, sent: bytes) -> bytes:
    """All that it answers to these bytes, until it ends the connection."""
    url = httpx.URL(server.url)
    found = b""
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                found += data
    return found


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"GET /livez HTTP/1.1\r\nX-A: %s\r\n\r\n" % (b"a" * 70_000), 431, "head-too-large"),
        (b"GET /livez?%s HTTP/1.1\r\n\r\n" % (b"a" * 9_000), 414, "address-too-long"),
        (b"GET /livez HTTP/1.1\r\nX-A\x01: a\r\n\r\n", 400, "malformed-request"),
    ],
)
def test_what_is_too_much_is_a_problem_like_any_other(
    server: Server, sent: bytes, status: int, slug: str
) -> None:
    head, _, body = said(server, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"server:" not in head.lower()
    assert f'"{server.url}/problems/{slug}"'.encode() in body
    assert httpx.get(f"{server.url}/problems/{slug}").status_code == 200


def test_this_machine_is_not_believed_about_who_asks(server: Server) -> None:
    token = server.token or ""
    made = ask(
        server,
        "/identities",
        token,
        method="POST",
        json={"name": "alice", "kind": "user"},
        headers=SAID,
    )
    assert made.status_code == 201, made.text
    events = ask(server, "/events", token).json()["items"]
    assert [e["address"] for e in events if e["subject"] == "identity:alice"] == ["127.0.0.1"]
    moved = httpx.get(f"{server.url}/docs/", headers=SAID)
    assert moved.headers["location"].startswith("http://")


def test_failed_logins_count_over_all_processes(server: Server) -> None:
    """Each process counts to twenty where they do not tell each other."""
    until(lambda: time.time() % 60 < 40, what="the next minute, which begins at nothing")
    answers = [ask(server, "/me", new_secret()).status_code for _ in range(60)]
    assert answers == [401] * 20 + [429] * 40


def test_the_most_talkative_log_holds_no_secret(start: Start) -> None:
    own = start(log_level="debug", store="local")
    _ = own.url
    token, wrong = own.token or "", new_secret()
    for path, secret in (("/me", token), ("/me", wrong), (f"/models?cursor={wrong}", token)):
        ask(own, path, secret)
    issued = ask(own, "/tokens", token, method="POST", json={"name": "ci", "scopes": ["read"]})
    assert issued.status_code == 201, issued.text
    ask(own, "/models", token, method="POST", json={"name": "churn"})
    ask(own, "/models/churn/versions", token, method="POST", json={})
    whole = "/models/churn/versions/1/files/a"
    assert ask(own, whole, token, method="PUT", content=b"weights").is_success
    final = ask(own, "/models/churn/versions/1/finalize", token, method="POST")
    assert final.is_success, final.text
    manifest = ask(own, "/models/churn/versions/1/manifest", token).json()
    link = manifest["files"][0]["url"]
    assert httpx.get(link).content == b"weights"
    httpx.get(link + "0")
    assert own.end() == 0
    logged = own.logged.read_text()
    assert "/api/v1/transfer/blobs/" in logged
    for secret in (token, wrong, issued.json()["secret"], link.rpartition("signature=")[2]):
        assert secret not in logged
    assert "signature=" not in logged
    assert "bearer" not in logged.lower()


def test_it_ends_at_once_however_many_connections_are_open(start: Start, tmp_path: Path) -> None:
    own = start()
    url = httpx.URL(own.url)
    with contextlib.ExitStack() as stack:
        for sent in (b"", b"GET /li", b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"):
            connection = stack.enter_context(
                socket.create_connection((url.host, url.port or 80), timeout=60)
            )
            connection.sendall(sent)
        assert own.end() == 0
    assert "timeout graceful shutdown" not in own.logged.read_text()
