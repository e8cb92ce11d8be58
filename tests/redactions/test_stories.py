"""A secret is pasted somewhere, and removed for good."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, pointers, problem
from tests.policies.acting import default_with
from tests.redactions.everywhere import Sql, holding

SECRET = 'hunter2-"quoted"\\back\nline-日本'
LINE = "hunter2-secret-in-a-line"


async def redact(admin: Api, text: str = SECRET, **more: Any) -> dict[str, Any]:
    made = await admin.post("/redactions", {"text": text, "reason": "Pasted by mistake.", **more})
    assert made.status_code == (200 if more.get("dry_run") else 201), made.text
    return dict(made.json())


def rows(found: dict[str, Any]) -> dict[str, int]:
    return {each["place"]: each["rows"] for each in found["places"]}


@pytest.fixture
async def alice(team: Team) -> Api:
    return await team.person("alice", "maintainer")


async def test_a_secret_is_gone_from_the_recipe_of_a_ready_version(
    admin: Api, alice: Api, sql: Sql
) -> None:
    await make_model(alice)
    params = {"a": [{SECRET: f"x{SECRET}y{SECRET}"}], "lr": 0.10, "n": 1e22, "none": None}
    made = await make_ready(
        alice, description=f"Key: {SECRET}", params=params, tags={SECRET.replace("\n", ""): "b"}
    )
    await make_ready(alice, params={"lr": 0.10})
    done = await redact(admin)
    mark = done["marker"]
    assert rows(done)["versions.params"] == rows(done)["versions.description"] == 1
    assert (done["by"], done["left"], done["events"]) == ("admin", [], 0)
    answer = await alice.get("/models/churn/versions/1")
    found = answer.json()
    assert found["description"] == f"Key: {mark}"
    assert found["params"] == {"a": [{mark: f"x{mark}y{mark}"}], **dict(list(params.items())[1:])}
    assert found["recipe_sha256"] == made["recipe_sha256"]
    assert found["redacted"] == {"id": done["id"], "at": done["at"], "reason": done["reason"]}
    assert (await alice.get("/models/churn/versions/2")).json()["redacted"] is None
    assert await holding(sql, SECRET) == set()


async def test_the_record_keeps_its_digests_and_says_who_redacted_what(
    admin: Api, alice: Api, sql: Sql
) -> None:
    await make_model(alice, description=SECRET)
    before = {event["id"]: event for event in await events(admin)}
    done = await redact(admin)
    after = await events(admin)
    told = after.pop()
    changed = [event for event in after if event != before[event["id"]]]
    assert [event["action"] for event in changed] == ["model.created"]
    assert changed[0]["payload_sha256"] == before[changed[0]["id"]]["payload_sha256"]
    assert done["marker"] in str(changed[0]["details"])
    assert (told["action"], told["subject"]) == ("record.redacted", f"redaction:{done['id']}")
    assert told["details"] == {
        "redaction": done["id"],
        "reason": "Pasted by mistake.",
        "marker": done["marker"],
        "events": [changed[0]["id"]],
    }
    salts = await sql.execute("select id from events where salt = ''")
    assert await salts.fetchall() == [(changed[0]["id"],)]
    assert await holding(sql, SECRET) == set()


async def test_a_secret_is_gone_from_all_that_people_wrote(
    admin: Api, alice: Api, team: Team, sql: Sql
) -> None:
    bob = await team.person("bob", "reviewer")
    await make_model(alice, tags={"note": LINE})
    await make_ready(alice, params={"n": 1})
    versions = "/models/churn/versions/1"
    comment = (await alice.post(f"{versions}/comments", {"body": f"See {LINE}"})).json()
    await alice.patch(f"/comments/{comment['id']}", {"body": f"Not {LINE}."})
    evaluation = {
        "dataset": {"name": LINE, "version": LINE},
        "metrics": {LINE: 0.5},
        "source": LINE,
        "notes": LINE,
    }
    posted = await alice.post(f"{versions}/evaluations", evaluation)
    assert posted.status_code == 201, posted.text
    check = {"status": "success", "summary": LINE, "url": f"https://ci.example.com/{LINE}"}
    assert (await alice.put(f"{versions}/checks/{LINE}", json=check)).status_code == 201
    staged = {"to": "staging", "reason": LINE, "apply": True}
    assert (await alice.post(f"{versions}/promotions", staged)).status_code == 201
    asked = await alice.post(f"{versions}/promotions", {"to": "production", "reason": LINE})
    review = {"decision": "reject", "comment": LINE}
    rejected = await bob.post(f"/promotions/{asked.json()['id']}/reviews", review)
    assert rejected.status_code == 201, rejected.text
    body = default_with()
    body["freeze"] = [
        {"from": "2030-01-01T00:00:00Z", "to": "2030-01-02T00:00:00Z", "reason": LINE}
    ]
    assert (await admin.put("/policy", json=body)).status_code == 200
    assert (await alice.post(f"{versions}/recall", {"reason": LINE})).status_code == 200
    await admin.post("/groups", {"name": "risk", "description": LINE})
    before = await holding(sql, LINE)
    asked_again = await bob.get(f"/promotions/{asked.json()['id']}")
    done = await redact(admin, LINE)
    assert {
        *("models.tags", "comments.body", "comment_edits.body", "evaluations.notes"),
        *("evaluations.metrics", "checks.name", "checks.summary", "checks.url", "reviews.comment"),
        *("promotions.reason", "transitions.reason", "policy_revisions.body", "versions.recalled"),
        *("events.payload", "groups.description", "evaluations.dataset_name"),
    } <= set(rows(done))
    assert set(rows(done)) == before
    assert await holding(sql, LINE) == set()
    known = {"If-None-Match": asked_again.headers["etag"]}
    again = await bob.get(f"/promotions/{asked.json()['id']}", headers=known)
    assert again.status_code == 200
    assert again.json()["reviews"][0]["comment"] == done["marker"]
    assert (await alice.get("/policy")).json()["freeze"][0]["reason"] == done["marker"]


async def test_a_dry_run_finds_the_same_and_changes_nothing(
    admin: Api, alice: Api, sql: Sql
) -> None:
    await make_model(alice, description=SECRET)
    before = await events(admin)
    dry = await redact(admin, dry_run=True)
    assert (dry["id"], dry["marker"], dry["at"]) == (None, None, None)
    assert await events(admin) == before
    assert (await admin.get("/redactions")).json()["items"] == []
    assert (await alice.get("/models/churn")).json()["description"] == SECRET
    done = await redact(admin)
    assert (done["places"], done["events"]) == (dry["places"], dry["events"])
    assert (await admin.get(f"/redactions/{done['id']}")).json() == done
    assert (await admin.get("/redactions")).json()["items"] == [done]


async def test_what_is_not_there_is_no_failure_and_nor_is_the_second_time(
    admin: Api, alice: Api
) -> None:
    await make_model(alice, description=SECRET)
    await redact(admin)
    again = await redact(admin)
    assert (again["places"], again["events"]) == ([], 0)


async def test_kept_answers_that_hold_it_are_forgotten(admin: Api, alice: Api, sql: Sql) -> None:
    keys = {"Idempotency-Key": str(uuid4())}
    body = {"name": "churn", "description": SECRET}
    assert (await alice.post("/models", body, headers=keys)).status_code == 201
    assert (
        await alice.post("/models", {"name": "other"}, headers=keys | {"Idempotency-Key": "other"})
    ).status_code == 201
    done = await redact(admin)
    assert rows(done)["idempotency_keys"] == 1
    assert await (await sql.execute("select key from idempotency_keys")).fetchall() == [("other",)]


@pytest.mark.parametrize("secret", ["incumbent", "validation", "production", "stageward", "acted-"])
async def test_a_word_that_the_service_works_with_is_refused(
    admin: Api, alice: Api, secret: str
) -> None:
    answer = await admin.post("/redactions", {"text": secret, "reason": "No."})
    assert answer.status_code in (409, 422)
    if answer.status_code == 409:
        assert problem(answer, 409, "redaction-refused")["place"] == "stages.name"


@pytest.mark.parametrize("end", ["reda", "redacted", "redacted-"])
async def test_a_text_that_ends_as_a_marker_begins_is_refused(admin: Api, end: str) -> None:
    """Each marker would make it up again, with what stands before it."""
    answer = await admin.post("/redactions", {"text": f"AAAAAAAA{end}", "reason": "No."})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/text"}


@pytest.mark.parametrize("secret", ["hunter2-number", "hunter2-stored", "AAAAAred"])
async def test_a_text_that_ends_as_words_do_goes_however_often_it_stands(
    admin: Api, alice: Api, sql: Sql, secret: str
) -> None:
    many = secret.removesuffix("red") * 1000 + secret
    await make_model(alice, description=many)
    await redact(admin, secret)
    assert await holding(sql, secret) == set()
    found = (await alice.get("/models/churn")).json()["description"]
    assert len(found) < 5 * len(many)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"text": "sevenxx", "reason": "Why."}, "/text"),
        ({"text": " " * 9, "reason": "Why."}, "/text"),
        ({"text": "x" * 10_001, "reason": "Why."}, "/text"),
        ({"text": "nul\0inside", "reason": "Why."}, "/text"),
        ({"text": LINE}, "/reason"),
        ({"text": LINE, "reason": f"Because {LINE} leaked."}, "/reason"),
        ({"text": [LINE], "reason": "Why."}, "/text"),
        ({"text": LINE, "reason": "Why.", "dry": True}, "/dry"),
    ],
)
async def test_what_is_refused_does_not_repeat_the_text(
    admin: Api, body: dict[str, Any], where: str
) -> None:
    answer = await admin.post("/redactions", body)
    assert where in pointers(problem(answer, 422, "invalid-request"))
    assert LINE not in answer.text


async def test_a_name_that_would_become_too_long_refuses_all_of_it(
    admin: Api, alice: Api, sql: Sql
) -> None:
    name = "a" * 110 + "-secret-value"
    await make_model(alice, name)
    await make_model(alice, "churn", description="secret-value")
    answer = await admin.post("/redactions", {"text": "secret-value", "reason": "Leaked."})
    found = problem(answer, 409, "redaction-refused")
    assert found["place"] == "models.name"
    assert (await alice.get("/models/churn")).json()["description"] == "secret-value"
    assert (await admin.get("/redactions")).json()["items"] == []


async def test_only_an_admin_redacts_and_sees_redactions(admin: Api, alice: Api) -> None:
    done = await redact(admin, LINE)
    body = {"text": LINE, "reason": "Mine."}
    problem(await alice.post("/redactions", body), 403, "not-allowed")
    problem(await alice.get("/redactions"), 403, "not-allowed")
    problem(await alice.get(f"/redactions/{done['id']}"), 403, "not-allowed")
    problem(await admin.get(f"/redactions/{uuid4()}"), 404, "not-found")


AWKWARD = [
    "100%_\\u0041\\",
    "a'b\"c'd\"e",
    "\\n\\n\\n\\n\\n",
    "e\u0301\u00e9e\u0301\u00e9e\u0301\u00e9",
    "\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511",
    "^(a|b)*$[c-d]",
    "$1\\1{2}%(text)s",
    "aaaaaaaaaa",
    "line\nline\ttab",
    "' or 1=1; --",
    "12345678",
]


@pytest.mark.parametrize("secret", AWKWARD)
async def test_every_kind_of_text_is_found_and_goes(
    admin: Api, alice: Api, sql: Sql, secret: str
) -> None:
    line = secret.replace("\n", " ").replace("\t", " ")
    await make_model(alice, description=f"x{secret}{secret}y", tags={f"k{line}": line})
    recipe = {"params": {f"{secret}!": [secret, {"deep": f"{secret}{secret}"}]}, "seed": 7}
    before = await make_ready(alice, description=f"z{secret[:-1]}", tags={line: "t"}, **recipe)
    note = {"body": f"{secret} said"}
    assert (await alice.post("/models/churn/versions/1/comments", note)).status_code == 201
    done = await redact(admin, secret)
    mark = done["marker"]
    assert await holding(sql, secret) == set()
    after = (await alice.get("/models/churn/versions/1")).json()
    assert after["params"] == {f"{mark}!": [mark, {"deep": mark + mark}]}
    changing = {"params", "tags", "redacted", "updated_at"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


async def test_the_text_reaches_neither_logs_nor_problems_nor_what_is_kept(
    admin: Api, alice: Api, sql: Sql, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "x-secret-9"
    await make_model(alice, "a" * 110 + secret)
    await make_model(alice, description=secret)
    capfd.readouterr()
    wanted = {"text": secret, "reason": "Leaked."}
    answers = [
        await admin.post("/redactions", wanted),  # one name becomes too long
        await admin.post("/redactions", {**wanted, "reason": secret}),
        await alice.post("/redactions", wanted),
    ]
    assert [answer.status_code for answer in answers] == [409, 422, 403]
    await sql.execute("update models set name = 'other' where name <> 'churn'")
    keys = {"Idempotency-Key": "once"}
    answers += [await admin.post("/redactions", wanted, headers=keys) for _ in range(2)]
    assert [answer.status_code for answer in answers[3:]] == [201, 201]
    printed = capfd.readouterr()
    assert "request" in printed.out + printed.err
    assert secret not in printed.out + printed.err + "".join(answer.text for answer in answers)
    assert await holding(sql, secret) == set()
    sent = answers[3].request.content
    kept = await (await sql.execute("select body_sha256 from idempotency_keys")).fetchall()
    assert kept
    assert kept != [(hashlib.sha256(sent).digest(),)]
