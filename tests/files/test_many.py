"""Many files in one call: what is there, what is to be sent, in their order, and one event each."""

import hashlib
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import events, make_draft, make_model, pointers, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
V = "/models/churn/versions/1"


def declared(path: str, data: bytes, **more: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(data).hexdigest()
    return {"path": path, "size": len(data), "sha256": sha256, **more}


def made_up(number: int) -> dict[str, Any]:
    return declared(f"shards/{number:05}.bin", str(number).encode())


async def ask(api: Api, wanted: list[dict[str, Any]], path: str = V) -> list[dict[str, Any]]:
    answer = await api.post(f"{path}/uploads", {"files": wanted})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["uploads"])


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


async def count(sql: Sql, statement: str) -> int:
    row = await (await sql.execute(statement)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


async def test_what_many_files_cost_does_not_grow_with_them(draft: Api, runtime: Runtime) -> None:
    with statements(runtime) as few:
        await make_draft(draft, files=[made_up(n) for n in range(2)])
    with statements(runtime) as many:
        await make_draft(draft, files=[made_up(n) for n in range(500)])
    assert len(many) == len(few), many
    with statements(runtime) as few:
        await ask(draft, [made_up(n) for n in range(2)])
    with statements(runtime) as many:
        await ask(draft, [made_up(n) for n in range(2, 502)])
    assert len(many) == len(few), many


async def test_many_present_files_cost_no_more_statements(draft: Api, runtime: Runtime) -> None:
    for number in range(3):
        await draft.put(f"{V}/files/{number}", content=str(number).encode())
    with statements(runtime) as few:
        await make_draft(draft, files=[declared(f"{n}", b"%d" % (n % 3)) for n in range(2)])
    with statements(runtime) as many:
        made = await make_draft(
            draft, files=[declared(f"{n}", b"%d" % (n % 3)) for n in range(300)]
        )
    assert (made["files_count"], made["size"]) == (300, 300)
    assert len(many) == len(few), many


async def test_present_and_required_files_are_answered_in_their_order(draft: Api, sql: Sql) -> None:
    await draft.put(f"{V}/files/a", content=b"here")
    wanted = [
        declared("z", b"new"),
        declared("m", b"here", media_type="text/plain"),
        declared("b", b"newer"),
        declared("a", b"here"),
    ]
    uploads = await ask(draft, wanted)
    assert [u["path"] for u in uploads] == ["z", "m", "b", "a"]
    assert [u["status"] for u in uploads] == ["required", "present", "required", "present"]
    files = (await draft.get(f"{V}/files")).json()["items"]
    assert [(f["path"], f["media_type"]) for f in files] == [
        ("a", "application/octet-stream"),
        ("m", "text/plain"),
    ]
    version = (await draft.get(V)).json()
    assert (version["files_count"], version["size"]) == (2, 8)
    again = await ask(draft, wanted[::-1])
    assert [u["id"] for u in again][1::2] == [u["id"] for u in uploads][2::-2]
    assert await count(sql, "select count(*) from uploads where status = 'open'") == 2


async def test_many_events_are_one(draft: Api) -> None:
    await draft.put(f"{V}/files/old", content=b"0")
    first = [declared(f"{n:03}", b"0") for n in range(30)] + [made_up(n) for n in range(100, 140)]
    await make_draft(draft, files=first)
    told = {e["action"]: e["details"] for e in await events(draft, model="churn")}
    attached, begun = told["files.attached"], told["files.declared"]
    assert (attached["count"], attached["size"], attached["replaced"]) == (30, 30, 0)
    assert attached["paths"] == [f"{n:03}" for n in range(20)]
    lines = "".join(f"{f['sha256']}  {f['path']}\n" for f in first[:30])
    assert attached["files_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert (begun["count"], begun["size"]) == (40, sum(f["size"] for f in first[30:]))
    assert begun["paths"] == [f["path"] for f in first[30:50]]
    assert "upload.begun" not in told
    before = len(await events(draft, model="churn"))
    await ask(draft, [made_up(100)], path="/models/churn/versions/2")
    assert len(await events(draft, model="churn")) == before  # it was declared already
    await ask(draft, [declared("one", b"1"), declared("old", b"0")])
    actions = [e["action"] for e in await events(draft, model="churn")]
    assert actions[before:] == ["upload.begun"]


async def test_other_bytes_take_the_place_of_what_was_there_and_under_way(
    draft: Api, sql: Sql
) -> None:
    await draft.put(f"{V}/files/x", content=b"xx")
    await draft.put(f"{V}/files/y", content=b"yyy")
    (old,) = await ask(draft, [declared("z", b"old")])
    swapped = [declared("x", b"yyy"), declared("y", b"xx"), declared("z", b"new")]
    uploads = await ask(draft, swapped)
    assert [u["status"] for u in uploads] == ["present", "present", "required"]
    assert uploads[2]["id"] != old["id"]
    version = (await draft.get(V)).json()
    assert (version["files_count"], version["size"]) == (2, 5)
    assert (await draft.get(f"{V}/files/x")).content == b"yyy"
    assert await count(sql, "select count(*) from uploads where status = 'abandoned'") == 1
    assert await count(sql, "select count(*) from blobs where unreferenced_since is not null") == 0
    told = [e for e in await events(draft, model="churn") if e["action"] == "files.attached"]
    assert [e["details"]["replaced"] for e in told] == [2]


async def test_an_upload_whose_bytes_have_come_otherwise_keeps_its_id(draft: Api) -> None:
    (upload,) = await ask(draft, [declared("w", b"bytes")])
    await draft.put(f"{V}/files/elsewhere", content=b"bytes")
    (now,) = await ask(draft, [declared("w", b"bytes")])
    assert (now["id"], now["status"]) == (upload["id"], "present")
    done = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert done.json() == {"verified": True}
    assert (await draft.get(f"{V}/files/w")).content == b"bytes"


async def test_asking_again_keeps_an_upload_for_longer(draft: Api, sql: Sql) -> None:
    (upload,) = await ask(draft, [declared("w", b"bytes")])
    await sql.execute("update uploads set expires_at = now() - interval '1 second'")
    (again,) = await ask(draft, [declared("w", b"bytes")])
    assert again["id"] == upload["id"]
    assert again["kept_until"] > upload["kept_until"]


@pytest.mark.parametrize("where", ["uploads", "versions"])
async def test_a_path_that_is_named_twice_is_refused(draft: Api, where: str) -> None:
    files = [declared("a", b"1"), declared("b", b"1"), declared("a", b"1")]
    address = f"{V}/uploads" if where == "uploads" else "/models/churn/versions"
    body = problem(await draft.post(address, {"files": files}), 422, "invalid-request")
    assert pointers(body) == {"/files/2/path"}


@pytest.mark.parametrize("where", ["uploads", "versions"])
async def test_a_path_that_is_also_a_folder_is_pointed_at(draft: Api, where: str) -> None:
    files = [
        declared("a!", b"1"),
        declared("a/b/c", b"1"),
        declared("a-", b"1"),
        declared("a", b""),
    ]
    address = f"{V}/uploads" if where == "uploads" else "/models/churn/versions"
    body = problem(await draft.post(address, {"files": files}), 422, "invalid-request")
    assert pointers(body) == {"/files/1/path"}
    await draft.put(f"{V}/files/a/b/c", content=b"")
    late = await draft.post(f"{V}/uploads", {"files": [declared("x", b""), declared("a", b"")]})
    assert pointers(problem(late, 422, "invalid-request")) == {"/files/1/path"}


async def test_only_readable_bytes_are_present_among_many(admin: Api, team: Team) -> None:
    await make_model(admin, "secret")
    await make_draft(admin, "secret")
    await admin.put("/models/secret/versions/1/files/w", content=b"hidden")
    alice = await team.person("alice", "contributor", models="open")
    await make_model(alice, "open")
    await make_draft(alice, "open")
    await alice.put("/models/open/versions/1/files/w", content=b"mine")
    wanted = [declared("a", b"hidden"), declared("b", b"mine"), declared("c", b"nowhere")]
    uploads = await ask(alice, wanted, path="/models/open/versions/1")
    assert [u["status"] for u in uploads] == ["required", "present", "required"]
    made = await make_draft(alice, "open", files=wanted)
    assert made["files_count"] == 1


@pytest.mark.local_store
async def test_more_parts_than_one_answer_should_hold_are_asked_for_in_several(draft: Api) -> None:
    terabyte = 1024**4
    files = [{**made_up(n), "size": terabyte} for n in range(3)]
    body = problem(await draft.post(f"{V}/uploads", {"files": files}), 422, "invalid-request")
    assert pointers(body) == {"/files/2"}


async def test_who_declares_bytes_is_an_author(draft: Api, team: Team) -> None:
    bob = await team.person("bob", "contributor")
    (upload,) = await ask(bob, [declared("w", b"bytes")])
    await draft.http.put(upload["parts"][0]["url"], content=b"bytes")
    await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert (await draft.get(V)).json()["authors"] == ["admin", "bob"]


async def test_ten_thousand_files_are_declared_in_one_call(draft: Api, sql: Sql) -> None:
    files = [made_up(n) for n in range(10_000)]
    assert (await make_draft(draft, files=files))["files_count"] == 0
    assert await count(sql, "select count(*) from uploads where status = 'open'") == 10_000
