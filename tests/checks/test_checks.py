"""Checks: a machine's verdict on exactly the bytes of a version."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem
from tests.promotions.acting import VERSIONS, People, registered, to_production

Sql = psycopg.AsyncConnection[tuple[object, ...]]
CHECKS = f"{VERSIONS}/1/checks"
OTHER = "cd" * 32
RUN = "https://ci.example.com/runs/8121?tab=log#L7"


async def report(
    api: Api,
    name: str = "ci/unit",
    status: str = "success",
    *,
    n: int | str = 1,
    if_match: str | None = None,
    **fields: Any,
) -> httpx.Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    path = f"{VERSIONS}/{n}/checks/{quote(name)}"
    return await api.put(path, json={"status": status, **fields}, headers=headers)


async def reported(api: Api, name: str = "ci/unit", *args: Any, **fields: Any) -> dict[str, Any]:
    made = await report(api, name, *args, **fields)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    found = await api.get(CHECKS, params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


async def with_file(people: People) -> str:
    """A ready version 1 with a file; its manifest's digest."""
    await make_model(people.admin)
    await make_draft(people.alice)
    sent = await people.alice.put(f"{VERSIONS}/1/files/model.bin", content=b"weights")
    assert sent.status_code == 201, sent.text
    ready = await people.alice.post(f"{VERSIONS}/1/finalize")
    return str(ready.json()["manifest_sha256"])


async def test_a_verdict_is_shown_as_it_was_made(people: People) -> None:
    manifest = await with_file(people)
    made = await report(people.ci, summary="412 passed", url=RUN, manifest_sha256=manifest)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "model": "churn",
        "version": 1,
        "name": "ci/unit",
        "status": "success",
        "summary": "412 passed",
        "url": RUN,
        "manifest_sha256": manifest,
        "reported_by": "ci",
        "at": shown["at"],
        "is_latest": True,
    }
    found = await people.carol.get(f"{CHECKS}/ci/unit")
    assert (found.status_code, found.json()) == (200, shown)
    assert found.headers["etag"] == made.headers["etag"]
    known = {"If-None-Match": found.headers["etag"]}
    same = await people.carol.get(f"{CHECKS}/ci/unit", headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert await listed(people.carol) == [shown]


async def test_what_is_left_out_is_empty_and_bound_to_the_bytes_all_the_same(
    people: People,
) -> None:
    manifest = await with_file(people)
    shown = await reported(people.ci)
    assert (shown["summary"], shown["url"]) == ("", None)
    assert shown["manifest_sha256"] == manifest


async def test_a_verdict_on_other_bytes_is_refused_and_says_which(people: People) -> None:
    manifest = await with_file(people)
    told = problem(await report(people.ci, manifest_sha256=OTHER), 409, "check-of-other-bytes")
    for said in (manifest, OTHER, "/versions/1/manifest"):
        assert said in told["detail"]
    assert await listed(people.carol) == []
    assert await events(people.admin, action="version.checked") == []


async def test_what_repeats_the_latest_is_not_written_again(people: People) -> None:
    await registered(people)
    manifest = (await people.carol.get(f"{VERSIONS}/1")).json()["manifest_sha256"]
    first = await reported(people.ci, summary="ok", url=RUN)
    for fields in ({}, {"manifest_sha256": manifest}):
        again = await report(people.ci, summary="ok", url=RUN, **fields)
        assert (again.status_code, again.json()) == (200, first)
    assert len(await events(people.admin, action="version.checked")) == 1
    await reported(people.ci, summary="OK", url=RUN)
    await reported(people.ci, summary="OK", url=RUN + "2")
    await reported(people.ci, summary="OK")
    await reported(people.mia, summary="OK")
    await reported(people.ci, summary="OK")
    await reported(people.ci, "ci/unit", "failure", summary="OK")
    await reported(people.ci, "ci/units", "failure", summary="OK")
    back = await reported(people.ci, summary="ok", url=RUN)
    assert back["id"] != first["id"]
    assert len(await listed(people.carol, name="ci/unit")) == 8


async def test_every_report_is_kept_and_the_latest_of_a_name_counts(people: People) -> None:
    await registered(people, 2)
    pending = await reported(people.ci, "ci/unit", "pending")
    lint = await reported(people.ci, "ci/lint", "success")
    failure = await reported(people.ci, "ci/unit", "failure")
    await reported(people.ci, "ci/unit", n=2)
    pending["is_latest"] = False
    assert await listed(people.carol) == [failure, lint, pending]
    assert await listed(people.carol, latest="true") == [failure, lint]
    assert await listed(people.carol, name="ci/unit") == [failure, pending]
    assert await listed(people.carol, name="ci/unit", latest="true") == [failure]
    assert await listed(people.carol, status="pending") == [pending]
    assert await listed(people.carol, status="pending", latest="true") == []
    assert await listed(people.carol, name="CI/unit") == []
    assert (await people.carol.get(f"{CHECKS}/ci/unit")).json() == failure
    for name, value in (("status", "green"), ("latest", "maybe"), ("names", "x")):
        found = await people.carol.get(CHECKS, params={name: value})
        assert pointers(problem(found, 422, "invalid-request")) == {name}


async def test_the_list_is_paged_newest_first(people: People) -> None:
    await registered(people)
    made = [await reported(people.ci, f"check-{i}") for i in range(5)]
    first = await people.carol.get(CHECKS, params={"limit": 2, "latest": "true"})
    assert first.json()["items"] == [made[4], made[3]]
    link = first.headers["link"]
    assert f"cursor={first.json()['next_cursor']}" in link
    assert "latest=true" in link
    await reported(people.ci, "newer")
    rest = await listed(people.carol, cursor=first.json()["next_cursor"])
    assert rest == [made[2], made[1], made[0]]
    bad = await people.carol.get(CHECKS, params={"cursor": "nonsense"})
    assert pointers(problem(bad, 422, "invalid-request")) == {"cursor"}


async def test_a_verdict_is_an_event_that_says_what_it_was_before(people: People) -> None:
    await registered(people)
    await reported(people.ci, "ci/unit", "pending")
    shown = await reported(people.ci, "ci/unit", "success", summary="ok", url=RUN)
    first, second = await events(people.carol, model="churn", action="version.checked")
    assert (first["details"]["status"], first["details"]["was"]) == ("pending", None)
    assert (second["actor"], second["subject"], second["version"]) == ("ci", "version:churn/1", 1)
    assert second["details"] == {
        "check": shown["id"],
        "name": "ci/unit",
        "status": "success",
        "was": "pending",
        "summary": "ok",
        "url": RUN,
        "manifest_sha256": shown["manifest_sha256"],
    }


async def test_a_verdict_changes_nothing_of_the_version(people: People) -> None:
    await registered(people)
    before = await people.carol.get(f"{VERSIONS}/1")
    await reported(people.ci)
    after = await people.carol.get(f"{VERSIONS}/1")
    assert after.json() == before.json()
    assert after.headers["etag"] == before.headers["etag"]


async def test_a_report_may_be_conditional_on_the_latest_one(people: People) -> None:
    await registered(people)
    problem(await report(people.ci, if_match="*"), 412, "stale-revision")
    problem(await report(people.ci, if_match='"r1"'), 412, "stale-revision")
    first = await report(people.ci, "ci/unit", "pending")
    tag = first.headers["etag"]
    second = await report(people.ci, "ci/unit", "failure", if_match=tag)
    assert second.status_code == 201
    assert second.headers["etag"] != tag
    problem(await report(people.ci, if_match=tag), 412, "stale-revision")
    assert (await report(people.ci, if_match="*")).status_code == 201


@pytest.mark.parametrize("state", ["draft", "failed"])
async def test_only_a_ready_version_is_checked(people: People, sql: Sql, state: str) -> None:
    await make_model(people.admin)
    await make_draft(people.alice)
    await sql.execute("update versions set status = %s", [state])
    told = problem(await report(people.ci, manifest_sha256=OTHER), 409, "version-not-ready")
    assert state in told["detail"]
    assert await listed(people.carol) == []


async def test_a_recalled_version_can_still_be_checked_and_says_so(people: People) -> None:
    await registered(people)
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    made = await report(people.ci)
    assert (made.status_code, made.headers["version-recalled"]) == (201, "true")
    assert (await people.carol.get(CHECKS)).headers["version-recalled"] == "true"


async def test_reports_name_a_number_or_a_name_and_readers_anything(people: People) -> None:
    await make_model(people.admin)
    await make_ready(people.alice, name="first", description="What changed.")
    await to_production(people.alice, people.bob, 1)
    made = await report(people.ci, n="First")
    assert (made.status_code, made.json()["version"]) == (201, 1)
    for ref in ("latest", "production", "@production"):
        told = problem(await report(people.ci, "other", n=ref), 404, "not-found")
        assert "number or name" in told["detail"]
        found = await people.carol.get(f"{VERSIONS}/{ref}/checks")
        assert found.json()["items"] == [made.json()]
        assert found.headers["version-number"] == "1"
        one = await people.carol.get(f"{VERSIONS}/{ref}/checks/ci/unit")
        assert one.json() == made.json()


@pytest.mark.parametrize(
    "name",
    ["a", "0", "ci/unit", "ci/unit/linux/3.11", "Security scan: trivy", "a" * 128, "files/x",
     "checks/y", "x-", "x/", "1.0_b"],
)  # fmt: skip
async def test_a_name_may_have_slashes_and_spaces(people: People, name: str) -> None:
    await registered(people)
    made = await reported(people.ci, name)
    assert made["name"] == name
    assert (await people.carol.get(f"{CHECKS}/{quote(name)}")).json() == made
    assert await listed(people.carol, name=name) == [made]


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "-a", "/a", ".a", "a" * 129, "prüfung", "a,b", "a%00b", "a\nb", "@x"]
)
async def test_a_name_that_cannot_be_is_refused(people: People, name: str) -> None:
    await registered(people)
    told = problem(await report(people.ci, name), 422, "invalid-request")
    assert told["errors"]
    assert await listed(people.carol) == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"status": "green"}, "/status"),
        ({"status": None}, "/status"),
        ({"status": "SUCCESS"}, "/status"),
        ({"summary": "x" * 10_001}, "/summary"),
        ({"summary": None}, "/summary"),
        ({"summary": "a\u0007b"}, "/summary"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"url": "ftp://example.com/log"}, "/url"),
        ({"url": "https://"}, "/url"),
        ({"url": "https:///log"}, "/url"),
        ({"url": "https://example.com/a b"}, "/url"),
        ({"url": "https://example.com/a\nb"}, "/url"),
        ({"url": " https://example.com"}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://example.com/" + "x" * 2048}, "/url"),
        ({"manifest_sha256": "AB" * 32}, "/manifest_sha256"),
        ({"manifest_sha256": "sha256:" + OTHER}, "/manifest_sha256"),
        ({"reported_by": "bob"}, "/reported_by"),
        ({"name": "ci/unit"}, "/name"),
    ],
)
async def test_what_is_not_allowed_is_pointed_at(
    people: People, fields: dict[str, Any], pointer: str
) -> None:
    await registered(people)
    body = {"status": "success", **fields}
    told = problem(await people.ci.put(f"{CHECKS}/x", json=body), 422, "invalid-request")
    assert pointers(told) == {pointer}
    assert await listed(people.carol) == []


async def test_the_status_is_needed_and_no_key_comes_twice(people: People) -> None:
    await registered(people)
    told = problem(await people.ci.put(f"{CHECKS}/x", json={}), 422, "invalid-request")
    assert pointers(told) == {"/status"}
    twice = await people.ci.put(
        f"{CHECKS}/x",
        content='{"status": "failure", "status": "success"}',
        headers={"Content-Type": "application/json"},
    )
    problem(twice, 400, "malformed-request")


async def test_a_summary_is_long_and_in_any_script(people: People) -> None:
    await registered(people)
    summary = "結果: 通過 ✅\n" + "ü" * 9_990
    assert (await reported(people.ci, summary=summary))["summary"] == summary
    web = "HTTP://127.0.0.1:1/never/fetched"
    assert (await reported(people.ci, url=web))["url"] == web


async def test_who_may_report_and_who_may_read(people: People, team: Team) -> None:
    await registered(people)
    shown = await reported(people.dan)
    told = problem(await report(people.carol), 403, "not-allowed")
    assert "contributor" in told["detail"]
    only_reads = await team.token("dan", ["read"])
    problem(await report(only_reads), 403, "not-allowed")
    assert await listed(only_reads) == [shown]


async def test_what_is_hidden_or_gone_is_not_found(people: People, team: Team) -> None:
    await registered(people, 2)
    await reported(people.dan)
    stranger = await team.person("eve", "contributor", models="other-*")
    for answer in (
        await report(stranger),
        await stranger.get(CHECKS),
        await stranger.get(f"{CHECKS}/ci/unit"),
        await people.carol.get(f"{CHECKS}/ci"),
        await people.carol.get(f"{VERSIONS}/2/checks/ci/unit"),
        await people.carol.get("/models/nope/versions/1/checks"),
        await people.dan.put("/models/nope/versions/1/checks/x", json={"status": "success"}),
    ):
        problem(answer, 404, "not-found")
    assert (await people.mia.delete(f"{VERSIONS}/1")).status_code == 204
    for answer in (await report(people.dan), await people.carol.get(CHECKS)):
        problem(answer, 404, "not-found")
    assert (await people.mia.delete("/models/churn")).status_code == 204
    problem(await report(people.dan, n=2), 404, "not-found")


async def test_equal_reports_at_once_are_one(people: People) -> None:
    await registered(people)
    answers = await asyncio.gather(*(report(people.ci) for _ in range(10)))
    assert sorted(a.status_code for a in answers) == [200] * 9 + [201]
    assert len({a.text for a in answers}) == 1
    assert len(await listed(people.carol)) == 1


async def test_other_reports_at_once_are_all_kept_and_one_is_the_latest(people: People) -> None:
    await registered(people)
    statuses = ["success", "failure", "pending"] * 4
    answers = await asyncio.gather(
        *(report(people.ci, "x", s, summary=str(i)) for i, s in enumerate(statuses))
    )
    assert {a.status_code for a in answers} == {201}
    found = await listed(people.carol)
    assert [c["is_latest"] for c in found] == [True] + [False] * 11
    told = await events(people.carol, action="version.checked")
    assert [e["details"]["check"] for e in reversed(told)] == [c["id"] for c in found]
    was = [e["details"]["was"] for e in told]
    assert was == [None, *(e["details"]["status"] for e in told[:-1])]


async def test_the_latest_is_the_last_to_be_written_whatever_the_clocks_say(
    people: People, sql: Sql
) -> None:
    await registered(people)
    ahead = "ffffffff-0000-7000-8000-000000000000"
    await sql.execute(
        "insert into checks (id, model_id, version_id, name, status, manifest_sha256, "
        "reported_by_id, reported_by) select %s, model_id, id, 'ci/unit', 'success', "
        "manifest_sha256, created_by_id, created_by from versions",
        [ahead],
    )
    failure = await reported(people.ci, "ci/unit", "failure")
    assert [c["status"] for c in await listed(people.carol)] == ["failure", "success"]
    assert await listed(people.carol, latest="true") == [failure]


async def test_nobody_changes_a_report_even_from_psql(people: People, sql: Sql) -> None:
    await registered(people)
    await reported(people.ci)
    for statement in ("update checks set status = 'success'", "delete from checks"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await sql.execute(statement)
