"""Whoever cannot see a model finds no trace of it, wherever they look."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.meta.openapi import build_openapi
from tests.access.matrix.case import Case
from tests.access.matrix.catalogue import CATALOGUE
from tests.access.two_teams import HIDDEN, MARK, SEEN, SHA256, Teams, found_in, make_teams
from tests.actors import API, Api, Team
from tests.counting import statements
from tests.factories import events, problem
from tests.meta.documents import operations, resolved
from tests.waiting import eventually

WITH_A_MODEL = [
    case
    for case in CATALOGUE
    if any(part in case.path for part in ("{model}", "{promotion}", "{comment}"))
]


@pytest.fixture
async def teams(admin: Api, team: Team) -> Teams:
    return await make_teams(admin, team)


def questions(document: dict[str, Any], teams: Teams) -> Iterator[tuple[str, dict[str, str]]]:
    """Every GET of the API with no filter, and with each filter set to what is hidden and to what
    finds everything."""
    for path, method, operation in operations(document):
        if method != "get" or not path.startswith(API) or "/transfer/" in path:
            continue
        own = {**teams.names, "model": SEEN, "name": "rita", "group": "g", "revision": "1"}
        for names in (own, {**own, "ref": "2"}, teams.names | {"name": "olga", "group": "g"}):
            address = re.sub(r"\{(\w+)\}", lambda m, of=names: of.get(m[1], str(uuid4())), path)
            yield address, {}
            for parameter in operation.get("parameters", []):
                told = resolved(document, parameter)
                if told["in"] == "query":
                    yield from ((address, {told["name"]: v}) for v in _values(told["name"]))


def _values(name: str) -> list[str]:
    if name == "filter":
        return [
            f"model = '{HIDDEN}'", f"name like '{MARK}%'", f"tags.{MARK} = '{MARK}'",
            "created_by = 'olga'", "number >= 1", "not number > 100", "stage = 'staging'",
            f"not name = '{MARK}'", f"datasets.sha256 = '{'5e' * 32}'",
        ]  # fmt: skip
    known = {
        "q": [MARK, "o"], "model": [HIDDEN], "actor": ["olga", "admin"], "order": ["desc"],
        "status": ["open", "ready", "applied", "pending", "active"], "to": ["production"],
        "order_by": ["created_at", f"metrics.{MARK}_auc desc"], "stage": ["staging", "production"],
        "limit": ["1", "200"], "reviewable": ["true"], "promotions": ["true"],
        "at": ["2999-01-01T00:00:00Z"], "key": [f"{MARK}_auc"], "owner": ["olga"],
        "action": ["version.created", "model.created", "promotion.requested", "policy.set"],
        "identity": ["olga", "admin"], "subject": ["olga"],
    }  # fmt: skip
    return known.get(name, [MARK, "1", "true"])


async def test_an_outsider_who_asks_everything_finds_no_trace(app: FastAPI, teams: Teams) -> None:
    asked, traces = 0, []
    for address, params in questions(build_openapi(app), teams):
        answer = await teams.rita.http.get(
            address, params=params, headers={"Authorization": f"Bearer {teams.rita.token}"}
        )
        asked += 1
        assert answer.status_code < 500, answer.text
        traces += found_in(answer, teams.secrets)
    assert traces == []
    assert asked > 200


async def test_the_sweep_would_find_what_is_there(app: FastAPI, teams: Teams) -> None:
    """The same questions, asked by one who sees all, find every secret: the sweep is not blind."""
    found: set[str] = set()
    for address, params in questions(build_openapi(app), teams):
        answer = await teams.admin.http.get(
            address, params=params, headers={"Authorization": f"Bearer {teams.admin.token}"}
        )
        found |= {secret for secret in teams.secrets if list(found_in(answer, {secret}))}
    assert found == teams.secrets


async def ask(api: Api, case: Case, names: dict[str, str]) -> httpx.Response:
    path = re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], "1"), case.path)
    return await api.request(case.method, path.removeprefix(API), **case.send)


def without(answer: httpx.Response, names: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    """An answer with what it was asked about, and what is new in every answer, taken out."""
    text = answer.text
    for name in sorted(names.values(), key=len, reverse=True):
        text = text.replace(name, "?") if len(name) > 6 else text
    text = re.sub(r'"request_id":"[^"]*"', "", text)
    headers = {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "date")}
    headers.pop("content-length", None)
    return answer.status_code, text, headers


async def test_what_is_hidden_is_answered_like_what_is_absent(
    teams: Teams, runtime: Runtime
) -> None:
    """By every route: the same status, text, headers and the same statements, so about the same
    time too."""
    absent = {**teams.names, "model": "omega-nothing"}
    absent |= {name: str(uuid4()) for name in ("promotion", "comment", "evaluation", "upload_id")}
    telling = []
    for case in WITH_A_MODEL:
        answers = []
        for names in (teams.names, absent):
            await ask(teams.rita, case, names)  # her standing is known from here on
            with statements(runtime) as sent:
                answer = await ask(teams.rita, case, names)
            assert answer.status_code == 404, f"{case}: {answer.text}"
            answers.append((*without(answer, names), sent))
        if answers[0] != answers[1]:
            telling.append((str(case), *answers))
    assert telling == []
    assert len(WITH_A_MODEL) > 50


async def test_lists_leave_out_in_sql_what_is_hidden(
    admin: Api, team: Team, runtime: Runtime
) -> None:
    """Among 500 hidden models three are seen: one page has them, and there is no other page."""
    rita = await team.person("rita", "maintainer", models="seen*")
    hidden = [f"hidden-{number:03}" for number in range(500)]
    for name in (*hidden[:250], "seen-a", "seen-b", *hidden[250:], "seen-c"):
        assert (await admin.post("/models", {"name": name})).status_code == 201
    for path in ("/models", "/events", "/versions"):
        with statements(runtime) as sent:
            page = (await rita.get(path, params={"limit": 50})).json()
        wanted = 0 if path == "/versions" else 3
        assert (len(page["items"]), page["next_cursor"]) == (wanted, None), path
        assert len(sent) <= 3, sent


async def test_a_taken_name_says_taken_and_no_more(teams: Teams, team: Team) -> None:
    """Names are unique, so whoever may make a model of a name must be told that it is taken; the
    name as it is written there, and all else, stays hidden."""
    problem(await teams.rita.post("/models", {"name": HIDDEN}), 403, "not-allowed")
    upper = await team.person("uma", "contributor", models="OMEGA*")
    answer = await upper.post("/models", {"name": HIDDEN.upper()})
    assert MARK not in str(problem(answer, 409, "model-name-taken"))
    problem(await upper.get(f"/models/{HIDDEN.upper()}"), 404, "not-found")
    problem(await teams.rita.post("/models", {"name": "omega-nothing"}), 403, "not-allowed")


async def test_a_digest_alone_gives_nothing(teams: Teams) -> None:
    """Bytes that are stored in a hidden version only are asked for as if nobody had them."""
    rita, draft = teams.rita, f"/models/{SEEN}/versions/2"
    size = len(MARK) * 50
    wanted = {"files": [{"path": "mine.bin", "size": size, "sha256": SHA256}]}
    (upload,) = (await rita.post(f"{draft}/uploads", wanted)).json()["uploads"]
    assert upload["status"] == "required"
    assert not any(part["uploaded"] for part in upload["parts"])
    problem(await rita.get(f"{draft}/files/mine.bin"), 404, "not-found")
    problem(await rita.post(f"{draft}/finalize"), 409, "files-missing")
    made = await rita.post(f"/models/{SEEN}/versions", {**wanted, "finalize": True})
    assert made.status_code == 409, made.text


async def test_the_cursor_of_another_opens_nothing(teams: Teams) -> None:
    """Cursors say where a list goes on, and never what is in it."""
    for path in ("/models", "/versions", "/events", "/promotions", "/tokens", "/identities"):
        page = await teams.admin.get(path, params={"limit": 1})
        cursor = page.json()["next_cursor"]
        if cursor is None:
            continue
        answer = await teams.rita.get(path, params={"cursor": cursor, "limit": 200})
        assert answer.status_code == 200, answer.text
        assert list(found_in(answer, teams.secrets)) == []


async def test_the_record_shows_what_happened_elsewhere_to_nobody(teams: Teams) -> None:
    told = await events(teams.rita)
    assert {event["model"] for event in told} <= {SEEN, None}
    assert {event["actor"] for event in told if event["model"] is None} <= {"rita"}
    for filters in ({"model": HIDDEN}, {"actor": "olga"}, {"actor": "otto"}):
        assert await events(teams.rita, **filters) == []


async def test_a_wait_for_the_record_is_not_ended_by_what_is_hidden(teams: Teams) -> None:
    after = (await teams.rita.get("/events", params={"limit": 200})).json()["next_after"]
    await teams.olga.post(f"/models/{HIDDEN}/versions", {"name": f"{MARK}-three"})
    page = await teams.rita.get("/events", params={"after": after, "wait": 0.3})
    assert page.json()["items"] == []
    problem(
        await teams.rita.get(f"/promotions/{teams.names['promotion']}", params={"wait": 30}),
        404,
        "not-found",
    )


@pytest.mark.parametrize("lost", ["token", "role"])
async def test_who_loses_the_right_while_they_wait_reads_nothing_more(
    teams: Teams, team: Team, runtime: Runtime, lost: str
) -> None:
    path = f"/promotions/{teams.names['promotion']}"
    grant = {"subject": "rita", "role": "reader", "models": "omega*"}
    await team.grant("rita", "reader", "omega*")
    waiter = await team.token("rita")
    asked = runtime.hub._waiters.keys() | set()
    waiting = asyncio.create_task(waiter.get(path, params={"wait": 30}))
    try:
        await eventually(lambda: _more(runtime, asked), what="the wait to begin")
        if lost == "token":
            shown = (await waiter.get("/me")).json()["token"]
            assert (await teams.admin.delete(f"/tokens/{shown['id']}")).status_code == 204
        else:
            assert (await teams.admin.delete("/grants", params=grant)).status_code == 204
        assert (await teams.olga.post(f"{path}/cancel")).status_code == 200
        answer = await waiting
    finally:
        waiting.cancel()
    assert answer.status_code == (401 if lost == "token" else 404), answer.text
    assert list(found_in(answer, teams.secrets)) == []


async def _more(runtime: Runtime, than: set[str]) -> bool:
    return bool(runtime.hub._waiters.keys() - than)


async def test_another_s_idempotency_key_replays_nothing(teams: Teams) -> None:
    key = {"Idempotency-Key": "one-key-for-all"}
    first = await teams.olga.post(f"/models/{HIDDEN}/versions", {"tags": {MARK: "1"}}, headers=key)
    assert first.status_code == 201
    answer = await teams.rita.post(f"/models/{HIDDEN}/versions", {"tags": {MARK: "1"}}, headers=key)
    problem(answer, 404, "not-found")
    own = await teams.rita.post(f"/models/{SEEN}/versions", {}, headers=key)
    assert own.status_code == 201
    assert "idempotent-replay" not in own.headers


async def test_refusals_that_come_from_hidden_models_name_none(teams: Teams) -> None:
    """A version and a model that hidden ones descend from cannot go: the reason is told without
    their names."""
    for path in (f"/models/{SEEN}/versions/1", f"/models/{SEEN}"):
        answer = await teams.rita.delete(path)
        assert answer.status_code == 409, answer.text
        assert list(found_in(answer, teams.secrets)) == []
        assert "hidden from you" in answer.text


async def test_what_was_made_of_hidden_versions_is_shown_without_them(teams: Teams) -> None:
    for reader, parents in ((teams.rita, []), (teams.admin, [{"model": HIDDEN, "version": 1}])):
        shown = (await reader.get(f"/models/{SEEN}/versions/2")).json()
        assert shown["parents"] == parents
    unseen = {"parents": [{"model": HIDDEN, "version": 1}]}
    absent = {"parents": [{"model": "omega-nothing", "version": 1}]}
    told = [
        problem(await teams.rita.post(f"/models/{SEEN}/versions", body), 422, "invalid-request")
        for body in (unseen, absent)
    ]
    texts = [str(body["errors"]).replace(HIDDEN, "?") for body in told]
    assert texts[0] == texts[1].replace("omega-nothing", "?")
