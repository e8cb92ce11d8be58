"""The server is killed while it applies a promotion: afterwards the promotion is applied with its
transition, tenure and event, or nothing of it has happened; and the same request finishes it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.core.embedded import EmbeddedPostgres
from tests.servers import Server, Start
from tests.waiting import SECONDS, until

TOKEN = "an-admin-token-for-tests-0123456789"
VERSIONS = "/api/v1/models/churn/versions"


def client(url: str, token: str = TOKEN) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=SECONDS, verify=False)


def superuser(tmp_path: Path) -> psycopg.Connection[tuple[Any, ...]]:
    url = EmbeddedPostgres(tmp_path / "data").running_url() or ""
    return psycopg.connect(url.replace("//stageward@/", "//postgres@/"), autocommit=True)


@dataclass(frozen=True)
class Story:
    """Version 1 holds production, and an approved promotion asks for version 2 to take it."""

    promotion: str
    alice: str

    def apply(self, server_url: str) -> httpx.Response:
        with client(server_url, self.alice) as api:
            key = {"Idempotency-Key": f"apply-{self.promotion}"}
            return api.post(f"/api/v1/promotions/{self.promotion}/apply", headers=key)


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


def prepare(url: str) -> Story:
    with client(url) as admin:
        ok(admin.post("/api/v1/models", json={"name": "churn"}))
        ok(admin.post("/api/v1/identities", json={"name": "alice", "kind": "user"}))
        grant = {"subject": "alice", "role": "contributor", "models": "*"}
        ok(admin.put("/api/v1/grants", json=grant))
        token = {"name": "alice", "identity": "alice", "scopes": ["read", "write"]}
        secret = str(ok(admin.post("/api/v1/tokens", json=token))["secret"])
        with client(url, secret) as alice:
            for number in (1, 2):
                ok(alice.post(VERSIONS, json={"finalize": True}))
                ask = {"to": "staging", "reason": "Try it.", "apply": True}
                ok(alice.post(f"{VERSIONS}/{number}/promotions", json=ask))
                ask = {"to": "production", "reason": "It is better."}
                promotion = ok(alice.post(f"{VERSIONS}/{number}/promotions", json=ask))["id"]
                review = {"decision": "approve"}
                ok(admin.post(f"/api/v1/promotions/{promotion}/reviews", json=review))
                if number == 1:
                    ok(alice.post(f"/api/v1/promotions/{promotion}/apply"))
    return Story(promotion, secret)


def is_applied(url: str, story: Story) -> bool:
    """Whether it was applied, which all that can be seen must agree upon."""
    with client(url) as admin:
        shown = ok(admin.get(f"/api/v1/promotions/{story.promotion}"))
        stages = ok(admin.get("/api/v1/models/churn"))["stages"]
        transitions = ok(admin.get("/api/v1/models/churn/transitions"))["items"]
        told = ok(admin.get("/api/v1/events", params={"action": "promotion.applied"}))["items"]
        production = ok(admin.get("/api/v1/models/churn/stages/production"))
    moved = [t for t in transitions if t["promotion"] == story.promotion]
    events = [e for e in told if e["subject"] == f"promotion:{story.promotion}"]
    found = (shown["status"], stages, len(moved), len(events), production["promotion"])
    applied = ("applied", {"archived": [1], "production": [2]}, 2, 1, story.promotion)
    before = ("approved", {"production": [1], "staging": [2]}, 0, 0, production["promotion"])
    assert found in (applied, before), found
    return found == applied


def kill_while(server: Server, url: str, story: Story, is_there: Any) -> None:
    """Ask to apply it, and kill the server once PostgreSQL has come so far with it."""
    thread = threading.Thread(target=lambda: _ignore_loss(url, story))
    thread.start()
    until(is_there, what="the request to come so far")
    server.end(signal.SIGKILL)
    thread.join(SECONDS)
    assert not thread.is_alive()


def _ignore_loss(url: str, story: Story) -> None:
    with pytest.raises(httpx.TransportError):
        story.apply(url)


@contextmanager
def blocked(tmp_path: Path, table: str) -> Iterator[Any]:
    """Nobody can write to this table meanwhile; gives what tells whether somebody tries."""
    with superuser(tmp_path) as holder, holder.transaction():
        holder.execute(f"lock table {table} in exclusive mode")

        def somebody_waits() -> bool:
            found = holder.execute(
                "select count(*) from pg_locks where relation = %s::regclass and not granted",
                [table],
            ).fetchone()
            return found is not None and bool(found[0])

        yield somebody_waits


@pytest.mark.parametrize("table", ["tenures", "transitions", "events", "idempotency_keys"])
def test_killed_before_the_commit_nothing_has_happened(
    start: Start, tmp_path: Path, table: str
) -> None:
    server = start(admin_token=TOKEN)
    url = server.url
    story = prepare(url)
    with blocked(tmp_path, table) as somebody_waits:
        kill_while(server, url, story, somebody_waits)
    again = start(admin_token=TOKEN).url
    assert not is_applied(again, story)
    answer = story.apply(again)
    assert answer.status_code == 200, answer.text
    assert "idempotent-replay" not in answer.headers
    assert is_applied(again, story)


def test_killed_after_the_commit_and_before_the_answer_it_is_applied(
    start: Start, tmp_path: Path
) -> None:
    """The commit is on disk, but waits for a standby that there is not before it says so."""
    server = start(admin_token=TOKEN)
    url = server.url
    story = prepare(url)
    with superuser(tmp_path) as connection:
        wait_for_standby(connection, "nobody")
        try:
            kill_while(server, url, story, lambda: commits_wait(connection))
        finally:
            wait_for_standby(connection, "")
        until(lambda: not commits_wait(connection), what="the commits to be done")
    again = start(admin_token=TOKEN).url
    assert is_applied(again, story)
    answer = story.apply(again)
    assert (answer.status_code, answer.headers["idempotent-replay"]) == (200, "true")
    assert answer.json()["status"] == "applied"
    with client(again, story.alice) as api:
        twice = api.post(f"/api/v1/promotions/{story.promotion}/apply")
    assert (twice.status_code, twice.json()["ended_as"]) == (409, "applied")
    assert is_applied(again, story)


def wait_for_standby(connection: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
    connection.execute(f"alter system set synchronous_standby_names = '{name}'")
    connection.execute("select pg_reload_conf()")
    until(
        lambda: connection.execute("show synchronous_standby_names").fetchone() == (name,),
        what="the setting to hold",
    )


def commits_wait(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether a commit that applied the promotion waits: the row is there for the next to come."""
    found = connection.execute(
        "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
    ).fetchone()
    return found is not None and bool(found[0])
