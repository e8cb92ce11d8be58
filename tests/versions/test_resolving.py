"""What is in production, asked by many at once, and by one for many."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.ids import new_id
from app.core.runtime import Runtime
from app.meta.permissions import asked_by
from app.stages.rules import parse_ref
from app.versions import queries, references
from app.versions.kept import Kept
from app.versions.lane import LANE
from app.versions.rendering import Rendered
from app.versions.resolver import STATEMENT, Resolver
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import make_draft, make_model, make_ready, problem


async def promote(admin: Api, model: str, number: int, *stages: str) -> None:
    """Bring a version to stages as fast as an admin may."""
    for stage in stages:
        asked = {"to": stage, "reason": "A story."}
        made = await admin.post(f"/models/{model}/versions/{number}/promotions", asked)
        assert made.status_code == 201, made.text
        path = f"/promotions/{made.json()['id']}/override"
        if made.json()["status"] != "applied":
            done = await admin.post(path, {"reason": "Told in a story of a test."})
            assert done.status_code == 200, done.text


@pytest.fixture
def sent(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many references each shared statement had."""
    found: list[int] = []
    fetch = runtime.db.direct.fetch

    async def counted(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        assert statement == STATEMENT
        found.append(parameters[references.GIVEN].count('"place"'))
        return await fetch(statement, parameters)

    monkeypatch.setattr(type(runtime.db.direct), "fetch", lambda _, *args: counted(*args))
    return found


async def test_many_who_ask_at_once_are_answered_together_each_by_their_rights(
    admin: Api, team: Team, runtime: Runtime, sent: list[int]
) -> None:
    for model in ("churn", "fraud"):
        await make_model(admin, model)
        for _ in range(3):
            await make_ready(admin, model)
    await make_ready(admin, "churn", parents=[{"model": "fraud", "version": 1}])
    alice = await team.person("alice", "reader", models="churn")
    for api in (admin, alice):
        assert (await api.get("/models/churn/versions/1")).status_code == 200
    sent.clear()
    with statements(runtime) as beside:
        answers = await asyncio.gather(
            *(admin.get(f"/models/{m}/versions/{n}") for m in ("churn", "fraud") for n in "123"),
            admin.get("/models/churn/versions/4"),
            alice.get("/models/churn/versions/4"),
            *(alice.get("/models/churn/versions/latest") for _ in range(20)),
            alice.get("/models/fraud/versions/1"),
        )
    of_admin, of_alice, hidden = answers[:7], answers[7:28], answers[28]
    assert [each.json()["number"] for each in of_admin] == [1, 2, 3, 1, 2, 3, 4]
    assert of_admin[6].json()["parents"] == [{"model": "fraud", "version": 1}]
    assert {each.json()["number"] for each in of_alice} == {4}
    assert all(each.json()["parents"] == [] for each in of_alice)
    problem(hidden, 404, "not-found")
    assert len(sent) + len(beside) <= 6, (sent, beside)
    assert sum(sent) <= 8 + 2, "the same question was asked several times over"


async def test_a_lane_answers_as_its_route_does(admin: Api, app: FastAPI, sent: list[int]) -> None:
    await make_model(admin)
    await make_ready(admin, name="first", metrics={"auc": 0.9})
    await admin.put("/models/churn/aliases/champion", json={"version": 1})
    await promote(admin, "churn", 1, "staging")
    for ref in ("1", "@champion", "latest", "LATEST", "staging", "Staging", "first", "FIRST"):
        sent.clear()
        fast = await admin.get(f"/models/churn/versions/{ref}")
        assert sent == [1], ref
        other = f"Bearer  {admin.token}"  # what the lane does not know of is for the route
        slow = await admin.http.get(
            f"/api/v1/models/churn/versions/{ref}",
            headers=[("Authorization", other), ("Authorization", other)],
        )
        assert sent == [1], "the route asks by itself"
        assert fast.status_code == slow.status_code == 200
        assert fast.json() == slow.json()
        unlike = {"x-request-id"}
        said = [{k: v for k, v in each.headers.items() if k not in unlike} for each in (fast, slow)]
        assert said[0] == said[1]


async def test_a_poller_that_has_it_already_costs_one_statement_and_no_body(
    admin: Api, runtime: Runtime, sent: list[int]
) -> None:
    await make_model(admin)
    await make_ready(admin)
    has = {"If-None-Match": (await admin.get("/models/churn/versions/latest")).headers["etag"]}
    sent.clear()
    with statements(runtime) as beside:
        answer = await admin.get("/models/churn/versions/latest", headers=has)
    assert (answer.status_code, answer.content, sent, beside) == (304, b"", [1], [])
    assert answer.headers["etag"] == has["If-None-Match"]
    assert answer.headers["x-request-id"]
    assert (await admin.patch("/models/churn/versions/1", {"tags": {"a": "b"}})).is_success
    answer = await admin.get("/models/churn/versions/latest", headers=has)
    assert (answer.status_code, answer.json()["tags"]) == (200, {"a": "b"})


async def test_every_change_of_what_is_shown_is_seen_at_once(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    path = "/models/churn/versions/1"

    async def shows(field: str) -> Any:
        return (await admin.get(path)).json()[field]

    assert await shows("stage") == "none"
    await promote(admin, "churn", 1, "staging")
    assert await shows("stage") == "staging"
    await admin.put("/models/churn/aliases/champion", json={"version": 1})
    assert await shows("aliases") == ["champion"]
    await make_ready(admin)
    await admin.put("/models/churn/aliases/champion", json={"version": 2})
    assert await shows("aliases") == []
    await admin.patch(path, {"description": "Better."})
    assert await shows("description") == "Better."
    await admin.post(path + "/recall", {"reason": "leaked labels"})
    assert (await shows("recalled"))["reason"] == "leaked labels"
    redacted = await admin.post("/redactions", {"text": "leaked labels", "reason": "A secret."})
    assert redacted.is_success, redacted.text
    assert "leaked" not in (await admin.get(path)).text
    assert (await admin.delete("/models/churn/aliases/champion")).status_code == 204
    assert (await admin.delete("/models/churn/versions/2")).status_code == 204
    problem(await admin.get("/models/churn/versions/2"), 404, "not-found")
    latest = await admin.get("/models/churn/versions/latest")
    assert latest.json()["number"] == 1


async def test_a_move_that_was_committed_is_always_seen(admin: Api) -> None:
    await make_model(admin)
    for _ in range(2):
        await make_ready(admin)
    known = 0  # how often the alias was set, which is told by who it points at and its change
    is_over = asyncio.Event()
    seen: list[tuple[int, int]] = []

    async def write() -> None:
        nonlocal known
        for turn in range(30):
            text = {"tags": {"turn": str(turn)}}
            done = await admin.patch(f"/models/churn/versions/{1 + turn % 2}", text)
            assert done.is_success
            target = {"version": 1 + turn % 2}
            assert (await admin.put("/models/churn/aliases/champion", json=target)).is_success
            known = turn
        is_over.set()

    async def read() -> None:
        while not is_over.is_set():
            before = known
            answer = await admin.get("/models/churn/versions/@champion")
            if answer.status_code == 200:
                seen.append((before, int(answer.json()["tags"].get("turn", 0))))

    await asyncio.gather(write(), *(read() for _ in range(8)))
    assert len(seen) > 30
    assert all(turn >= before for before, turn in seen), [s for s in seen if s[1] < s[0]]


REFS = st.sampled_from(
    ["1", "2", "3", "4", "5", "0", "007", "99999999999", "latest", "Latest", "none", "NONE"]
) | st.sampled_from(
    [
        *("staging", "Staging", "archived", "production", "@champion", "@Champion"),
        *("@production", "@staging", "@none", "@", "first", "FIRST", "nothing", "-1", "ünï", "a'b"),
    ]
)


@pytest.fixture
async def scene(admin: Api) -> None:
    """A model with versions in every situation, and one without any."""
    await make_model(admin, "churn")
    await make_model(admin, "empty")
    for name in ("first", None, "third", None):
        await make_ready(admin, **({"name": name} if name else {}))
    await make_draft(admin)
    await admin.put("/models/churn/aliases/champion", json={"version": 2})
    await promote(admin, "churn", 1, "staging")
    await promote(admin, "churn", 2, "staging", "production")
    await promote(admin, "churn", 3, "archived")
    assert (await admin.delete("/models/churn/versions/3")).status_code == 204


async def _alone(runtime: Runtime, model: str, ref: str) -> list[int]:
    async with runtime.db.reading() as session:
        views = await queries.resolve_views(session, model, parse_ref(ref))
    return sorted(view.version.number for view in views)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(refs=st.lists(st.tuples(st.sampled_from(["churn", "empty", "Churn"]), REFS), max_size=8))
async def test_many_are_resolved_as_each_is_alone(
    scene: None, runtime: Runtime, refs: list[tuple[str, str]]
) -> None:
    resolver = Resolver(runtime.db, Kept())
    for _ in range(2):  # the second time with what was kept of the first
        found = await asyncio.gather(*(resolver(*each) for each in refs))
        numbers = [sorted(version.number for version in versions) for versions in found]
        for each, mine in zip(refs, numbers, strict=True):
            alone = await _alone(runtime, *each)
            # Of several, any two tell that it is ambiguous.
            assert mine == alone or (len(mine) == len(alone) == 2 and each[1].lower() == "none")


async def test_many_references_are_resolved_in_one_call(
    admin: Api, team: Team, runtime: Runtime, scene: None
) -> None:
    await make_model(admin, "secret")
    await make_ready(admin, "secret")
    await admin.post("/models/churn/versions/2/recall", {"reason": "leaked labels"})
    alice = await team.person("alice", "reader", models="chur*")
    asked = [
        ("churn", "production"),
        ("churn", "@champion"),
        ("churn", "production"),
        ("secret", "1"),
        ("absent", "1"),
        ("churn", "none"),
        ("churn", "nothing"),
        ("churn", "5"),
    ]
    body = {"refs": [{"model": model, "ref": ref} for model, ref in asked]}
    with statements(runtime) as sent:
        answer = await alice.post("/resolve", body)
    assert answer.status_code == 200, answer.text
    assert len(sent) == 1
    items = answer.json()["items"]
    assert [(item["model"], item["ref"]) for item in items] == asked
    shown = (await alice.get("/models/churn/versions/2")).json()
    for item in items[:3]:
        assert item == {
            "model": "churn",
            "ref": item["ref"],
            "number": 2,
            "stage": "production",
            "manifest_sha256": shown["manifest_sha256"],
            "recalled": True,
        }
    hidden, absent = items[3], items[4]
    assert hidden["number"] is hidden["stage"] is hidden["manifest_sha256"] is None
    assert str(hidden["problem"]).replace("secret", "absent") == str(absent["problem"])
    for item in items[3:7]:
        alone = await alice.get(f"/models/{item['model']}/versions/{item['ref']}")
        told = {key: alone.json()[key] for key in ("type", "title", "status", "detail")}
        assert item["problem"] == told
    assert [item["problem"]["status"] for item in items[3:7]] == [404, 404, 409, 404]
    draft = items[7]
    assert (draft["number"], draft["stage"], draft["manifest_sha256"]) == (5, "none", None)
    assert draft["recalled"] is False
    assert "problem" not in draft


async def test_a_batch_is_bounded_and_strict(admin: Api) -> None:
    one = {"model": "churn", "ref": "1"}
    for refs in ([], [one] * 501, [{"model": "churn"}], [{**one, "number": 1}]):
        problem(await admin.post("/resolve", {"refs": refs}), 422, "invalid-request")
    answer = await admin.post("/resolve", {"refs": [one] * 500})
    assert [item["problem"]["status"] for item in answer.json()["items"]] == [404] * 500
    odd = await admin.post("/resolve", {"refs": [{"model": "a'b\\", "ref": "'; drop"}]})
    assert odd.json()["items"][0]["problem"]["status"] == 404


async def test_a_batch_that_is_sent_again_is_answered_again(admin: Api, scene: None) -> None:
    body = {"refs": [{"model": "churn", "ref": "production"}]}
    key = {"Idempotency-Key": "poll-1"}
    first = await admin.post("/resolve", body, headers=key)
    again = await admin.post("/resolve", body, headers=key)
    assert (again.json(), again.headers["idempotent-replay"]) == (first.json(), "true")
    other = {"refs": [{"model": "churn", "ref": "1"}]}
    problem(await admin.post("/resolve", other, headers=key), 422, "invalid-request")


async def test_versions_are_listed_by_their_ids(
    admin: Api, team: Team, runtime: Runtime, scene: None
) -> None:
    await make_model(admin, "secret")
    await make_ready(admin, "secret")
    alice = await team.person("alice", "reader", models="chur*")
    ids = "churn/5,churn/1,secret/1,churn/99,churn/3,churn/1,absent/1,churn/4"
    with statements(runtime) as sent:
        page = await alice.get("/versions", params={"ids": ids})
    assert page.status_code == 200, page.text
    assert len(sent) == 1
    items = page.json()["items"]
    assert [item["number"] for item in items] == [5, 1, 4]
    assert page.json()["next_cursor"] is None
    assert items[1] == (await alice.get("/models/churn/versions/1")).json()
    many = ",".join(f"churn/{n}" for n in range(1, 202))
    for wrong in ("", "churn", "churn/x", "/1", "churn/1,", many):
        body = problem(await alice.get("/versions", params={"ids": wrong}), 422, "invalid-request")
        assert body["errors"][0]["pointer"] == "ids"
    both = {"ids": "churn/1", "limit": "5"}
    body = problem(await alice.get("/versions", params=both), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "limit"


async def test_a_plan_walks_along_indexes_whatever_is_known_of_the_tables(
    scene: None, runtime: Runtime
) -> None:
    asked = [references.question(0, "churn", "production"), references.question(1, "empty", "1")]
    rows = await runtime.db.direct.fetch(
        f"explain {STATEMENT}", {references.GIVEN: json.dumps(asked)}
    )
    plan = "\n".join(row[0] for row in rows)
    for table in ("versions", "models", "tenures", "aliases", "model_counters"):
        assert f"Seq Scan on {table}" not in plan, plan


def test_a_lane_asks_for_the_right_that_its_route_asks_for(app: FastAPI) -> None:
    routes = [
        route
        for route in iter_route_contexts(app.routes)
        if route.path_format == LANE.path and "GET" in (route.methods or ())
    ]
    assert [list(asked_by(route.dependant)) for route in routes] == [[LANE.permission]]


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(10_000)
    made = [_rendered(b"x" * 2000) for _ in range(20)]
    for each in made:
        kept.put(each)
    found = [each for each in made if kept.get(each.id) is each]
    assert found == made[-4:]
    newer = replace(made[-1], revision=2)
    kept.put(newer)
    assert kept.get(newer.id) is newer
    assert kept.get(made[-2].id) is made[-2]


def _rendered(head: bytes) -> Rendered:
    return Rendered(new_id(), 1, 1, is_recalled=False, tag="", head=head, parents=(), tail=b"")
