"""What looking at a stored blob shows, and what becomes of it."""

import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from app.blobs import service as blobs
from app.blobs.rules import damage_of
from app.blobs.service import Condition
from app.core.problems import Unavailable
from app.core.runtime import Runtime
from tests.actors import Team
from tests.blobs.conftest import Bench, sha256_of
from tests.blobs.registry import Registry, Sql, V, registry_over
from tests.factories import make_draft, problem

BODY = b"weights " * 10_000
SHA = sha256_of(BODY)
ALTERED = BODY[:-1] + b"?"


@pytest.fixture
async def registry(
    app: FastAPI, bench: Bench, runtime: Runtime, sql: Sql
) -> AsyncIterator[Registry]:
    async with registry_over(bench.store, runtime, sql) as registry:
        yield registry


async def looked_at(registry: Registry, sha256: str = SHA, *, whole: bool = True) -> Condition:
    """Look at a blob and record what that shows."""
    known = await registry.known(sha256)
    assert known is not None
    condition = await blobs.examine(registry.store, sha256, known.size, whole=whole)
    await blobs.note(registry.runtime.db, known, condition)
    return condition


@pytest.mark.parametrize(
    ("found", "digest", "damage"),
    [
        (None, None, "missing"),
        (0, None, "truncated"),
        (9, None, "truncated"),
        (10, None, None),
        (10, "a", None),
        (10, "b", "altered"),
        (11, None, "altered"),
    ],
)
def test_what_is_wrong_is_told_by_the_size_and_then_the_digest(
    found: int | None, digest: str | None, damage: str | None
) -> None:
    assert damage_of("a", 10, found, digest) == damage


async def test_a_blob_that_is_whole_is_only_known_to_have_been_looked_at(
    registry: Registry,
) -> None:
    await registry.keep(BODY)
    await registry.let_pass("checked_at", "40 days", SHA)
    before = await registry.known(SHA)
    assert await looked_at(registry) == Condition(None, len(BODY), SHA)
    after = await registry.known(SHA)
    assert before is not None
    assert after is not None
    assert (after.damage, after.checked_at > before.checked_at) == (None, True)
    assert await registry.told() == []


@pytest.mark.parametrize(
    ("lies_there", "damage"),
    [(None, "missing"), (BODY[:100], "truncated"), (BODY + b"?", "altered"), (b"", "truncated")],
)
async def test_damage_that_shows_in_the_size_is_seen_without_reading(
    registry: Registry, lies_there: bytes | None, damage: str
) -> None:
    await registry.keep(BODY)
    if lies_there is None:
        await registry.store.delete(SHA)
    else:
        await registry.put_behind(SHA, lies_there)
    size = None if lies_there is None else len(lies_there)
    assert await looked_at(registry, whole=False) == Condition(damage, size)
    assert await registry.damage_of(SHA) == damage
    found = {"size": size, "sha256": None}
    told = {"sha256": SHA, "size": len(BODY), "damage": damage, "found": found}
    assert await registry.told() == [("blob.damaged", told)]


async def test_altered_bytes_are_seen_by_reading_them(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.put_behind(SHA, ALTERED)
    assert (await looked_at(registry, whole=False)).damage is None
    assert (await looked_at(registry)).damage == "altered"
    ((action, told),) = await registry.told()
    assert action == "blob.damaged"
    assert told["found"] == {"size": len(BODY), "sha256": sha256_of(ALTERED)}


async def test_damage_is_told_once_and_again_when_it_is_another(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.put_behind(SHA, ALTERED)
    for _ in range(2):
        await looked_at(registry)
    await registry.store.delete(SHA)
    for _ in range(2):
        await looked_at(registry)
    assert [told["damage"] for _, told in await registry.told()] == ["altered", "missing"]


async def test_the_same_bytes_mend_a_blob_wherever_they_are_sent(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.put_behind(SHA, ALTERED)
    await looked_at(registry)
    await make_draft(registry.admin)
    await registry.keep(BODY, version="/models/churn/versions/2")
    assert await registry.damage_of(SHA) is None
    assert (await blobs.examine(registry.store, SHA, len(BODY), whole=True)).damage is None
    repaired = {"sha256": SHA, "size": len(BODY), "damage": "altered"}
    assert (await registry.told())[1:] == [("blob.repaired", repaired)]


async def test_bytes_that_were_put_back_are_seen_to_be_whole_again(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.store.delete(SHA)
    await looked_at(registry)
    await registry.put_behind(SHA, BODY)
    await looked_at(registry)
    assert await registry.damage_of(SHA) is None
    assert [action for action, _ in await registry.told()] == ["blob.damaged", "blob.repaired"]


async def test_a_damaged_blob_is_neither_offered_nor_given_a_name(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.store.delete(SHA)
    await looked_at(registry)
    await make_draft(registry.admin)
    wanted = {"files": [{"path": "again", "size": len(BODY), "sha256": SHA}]}
    answer = await registry.admin.post("/models/churn/versions/2/uploads", wanted)
    assert [upload["status"] for upload in answer.json()["uploads"]] == ["required"]
    with pytest.raises(Unavailable):
        async with registry.runtime.db.transaction() as session:
            await blobs.hold(session, [SHA])
    async with registry.runtime.db.transaction() as session:
        await blobs.hold(session, [], leaving=[SHA])  # letting go of it is always possible


async def test_nobody_but_an_admin_learns_of_a_digest(registry: Registry, team: Team) -> None:
    await registry.keep(BODY)
    await registry.store.delete(SHA)
    await looked_at(registry)
    maintainer = await team.person("mia", "maintainer")
    narrowed = await team.token("admin", models=["churn"])
    for api in (maintainer, narrowed):
        listed = await api.get("/events", params={"limit": 200})
        assert "blob.damaged" not in listed.text
        assert (await api.get("/events", params={"action": "blob.damaged"})).json()["items"] == []
        problem(await api.get("/storage"), 403, "not-allowed")
    assert len(await registry.told()) == 1


async def test_a_blob_that_came_again_while_it_was_looked_at_is_not_called_damaged(
    registry: Registry,
) -> None:
    await registry.keep(BODY)
    await registry.store.delete(SHA)
    known = await registry.known(SHA)
    assert known is not None
    condition = await blobs.examine(registry.store, SHA, len(BODY), whole=True)
    await registry.keep(BODY, "again")
    assert condition.damage == "missing"
    assert not await blobs.note(registry.runtime.db, known, condition)
    assert await registry.damage_of(SHA) is None
    assert await registry.told() == []


@pytest.mark.parametrize("swept", ["doomed", "gone"])
async def test_a_blob_that_was_swept_while_it_was_looked_at_is_not_called_damaged(
    registry: Registry, swept: str
) -> None:
    await registry.keep(BODY)
    await registry.release()
    known = await registry.known(SHA)
    assert known is not None
    await registry.let_pass("unreferenced_since", "2 days", SHA)
    if swept == "doomed":
        await registry.sql.execute("update blobs set doomed_at = now()")
    else:
        await blobs.sweep(registry.runtime.db, registry.store)
    await registry.store.delete(SHA)
    condition = await blobs.examine(registry.store, SHA, len(BODY), whole=True)
    assert not await blobs.note(registry.runtime.db, known, condition)
    assert await registry.told() == []


class Failing:
    """A store whose reading fails in some way, so many times."""

    def __init__(self, store: Any, fault: Exception, times: int) -> None:
        self._store, self._fault, self.left = store, fault, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, sha256: str, start: int, end: int) -> AsyncGenerator[bytes]:
        async for piece in self._store.read(sha256, start, end):
            if self.left:
                self.left -= 1
                raise self._fault
            yield piece


def away(number: int | None) -> Unavailable:
    fault = Unavailable("The blob store cannot be used at this moment.")
    fault.__cause__ = None if number is None else OSError(number, os.strerror(number))
    return fault


@pytest.mark.parametrize("number", [None, errno.ESTALE, errno.ENOMEM])
async def test_a_store_that_is_away_is_no_damage(registry: Registry, number: int | None) -> None:
    await registry.keep(BODY)
    failing: Any = Failing(registry.store, away(number), 9)
    with pytest.raises(Unavailable):
        await blobs.examine(failing, SHA, len(BODY), whole=True)


async def test_bytes_that_the_disk_cannot_give_back_are_damaged(registry: Registry) -> None:
    await registry.keep(BODY)
    failing: Any = Failing(registry.store, away(errno.EIO), 9)
    condition = await blobs.examine(failing, SHA, len(BODY), whole=True)
    assert condition == Condition("altered", len(BODY), None)
    assert failing.left == 7


async def test_what_seems_wrong_once_is_looked_at_again(registry: Registry) -> None:
    await registry.keep(BODY)
    failing: Any = Failing(registry.store, away(errno.EIO), 1)
    assert (await blobs.examine(failing, SHA, len(BODY), whole=True)).damage is None


async def test_an_adoption_that_was_killed_does_not_make_damaged_bytes_good(
    registry: Registry,
) -> None:
    """Bytes of the right size lie there, and nobody knows whether those that were proven came."""
    await registry.keep(BODY)
    assert await blobs.recover(registry.runtime, SHA, len(BODY))
    await registry.put_behind(SHA, ALTERED)
    await looked_at(registry)
    assert not await blobs.recover(registry.runtime, SHA, len(BODY))
    assert await registry.damage_of(SHA) == "altered"
    assert not await blobs.recover(registry.runtime, SHA, len(BODY) + 1)
    assert (await registry.admin.get(f"{V}/files")).json()["items"][0]["sha256"] == SHA
