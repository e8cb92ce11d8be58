"""The server is killed while it keeps a review: afterwards there is the review with its event and
what follows for the promotion, or nothing of it; and the same request finishes it."""

import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.test_apply_killed import TOKEN, Story, blocked, client, ok, prepare
from tests.servers import Start
from tests.waiting import SECONDS, until


def withdraw(url: str, story: Story) -> httpx.Response:
    """The admin, who approved it, takes that back."""
    with client(url) as admin:
        key = {"Idempotency-Key": "a-review"}
        body = {"decision": "withdraw"}
        return admin.post(f"/api/v1/promotions/{story.promotion}/reviews", json=body, headers=key)


def seen(url: str, story: Story) -> tuple[str, list[str], list[str]]:
    """The promotion's status, its reviews, and what was told of it since it was asked for."""
    with client(url) as admin:
        shown = ok(admin.get(f"/api/v1/promotions/{story.promotion}"))
        told = ok(admin.get("/api/v1/events", params={"model": "churn", "limit": 200}))["items"]
    about = [e["action"] for e in told if e["subject"] == f"promotion:{story.promotion}"]
    return shown["status"], [each["decision"] for each in shown["reviews"]], about


@pytest.mark.parametrize("table", ["events", "idempotency_keys"])
def test_killed_before_the_commit_there_is_neither_review_nor_event(
    start: Start, tmp_path: Path, table: str
) -> None:
    server = start(admin_token=TOKEN)
    url = server.url
    story = prepare(url)
    before = seen(url, story)
    assert before[:2] == ("approved", ["approve"])

    def ask_in_vain() -> Any:
        with pytest.raises(httpx.TransportError):
            withdraw(url, story)

    with blocked(tmp_path, table) as somebody_waits:
        thread = threading.Thread(target=ask_in_vain)
        thread.start()
        until(somebody_waits, what="the review to come so far")
        server.end(signal.SIGKILL)
        thread.join(SECONDS)
        assert not thread.is_alive()

    again = start(admin_token=TOKEN).url
    assert seen(again, story) == before
    answer = withdraw(again, story)
    assert answer.status_code == 201, answer.text
    assert "idempotent-replay" not in answer.headers
    status, decisions, told = seen(again, story)
    assert (status, decisions) == ("open", ["approve", "withdraw"])
    assert told == [*before[2], "promotion.reviewed", "promotion.reopened"]
