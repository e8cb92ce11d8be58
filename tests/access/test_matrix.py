"""Every route x every kind of actor: what is answered is what the table of rights says."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.access.table import PUBLIC, Permission
from app.core.actor import RIGHTS
from app.main import create_app
from app.meta.permissions import asked_by
from tests.access.matrix.case import Case
from tests.access.matrix.catalogue import CATALOGUE
from tests.access.matrix.judging import expected
from tests.access.matrix.keeping import Kept, Sql, fingerprint, newest_event
from tests.access.matrix.kinds import KINDS, Kind
from tests.access.matrix.scene import Scene, make_scene
from tests.actors import Api, Team
from tests.conftest import ADMIN_TOKEN

LEAST_CELLS = 2000
ASKED: dict[str, Permission | None] = {
    f"{method} {route.path_format}": None
    if (method, route.path_format) in PUBLIC
    else next(asked_by(route.dependant))
    for route in iter_route_contexts(create_app().routes)
    for method in sorted(route.methods or ())
}


def test_the_matrix_does_not_shrink(capsys: pytest.CaptureFixture[str]) -> None:
    cells = len(CATALOGUE) * len(KINDS)
    said = f"{len(ASKED)} routes, {len(CATALOGUE)} cases x {len(KINDS)} actors = {cells} cells"
    with capsys.disabled():
        print(f"\nThe matrix: {said}.")
    assert cells >= LEAST_CELLS


class Desk:
    """Calls the routes on the scene, and brings the scene back."""

    def __init__(self, app: FastAPI, sql: Sql, scene: Scene, kept: Kept) -> None:
        self.app, self.sql, self.scene, self.kept = app, sql, scene, kept
        self.calls = 0

    async def begin(self) -> None:
        await self.kept.put_back(self.sql)
        # What is known of tokens here is the past.
        self.app.state.runtime.hub.announce([RIGHTS])

    async def prepared(self, case: Case, kind: Kind | None) -> dict[str, Any]:
        """The names in the case's path, after what is done before it."""
        names = {**self.scene.names}
        if case.before is not None:
            by = self.scene.api(kind) if case.own and kind else self.scene.owner
            names |= await case.before(self.scene, by)
        return {**names, **{part: names[name] for part, name in case.at.items()}}

    async def call(self, case: Case, kind: Kind, names: dict[str, Any]) -> httpx.Response:
        """As from an address of its own: failed logins are counted by address."""
        self.calls += 1
        address = f"10.0.{self.calls // 250}.{self.calls % 250 + 1}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 1))
        path = names.get("link") if "/transfer/" in case.path else None
        path = path or re.sub(r"\{(\w+)\}", lambda m: str(names[m[1]]), case.path)
        headers = {**self.scene.headers[kind.name], **names.get("link_headers", {})}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", verify=False
        ) as client:
            return await client.request(case.method, path, headers=headers, **case.send)


class Memory:
    """The scene of this process, once it is made."""

    scene: Scene | None = None
    kept: Kept | None = None


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def desk(
    memory: Memory, app: FastAPI, http: httpx.AsyncClient, superuser_url: str
) -> AsyncIterator[Desk]:
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as sql:
        if memory.kept is None or memory.scene is None:
            memory.scene = await make_scene(Api(http, ADMIN_TOKEN, "admin"), _team(http), sql)
            memory.kept = await Kept.take(sql)
        memory.scene.http = memory.scene.owner.http = http
        yield Desk(app, sql, memory.scene, memory.kept)


def _team(http: httpx.AsyncClient) -> Team:
    return Team(Api(http, ADMIN_TOKEN, "admin"))


PARAMETERS = [
    pytest.param(case, id=str(case), marks=[pytest.mark.local_store] if case.local_store else [])
    for case in CATALOGUE
]


@pytest.mark.parametrize("case", PARAMETERS)
async def test_what_a_route_answers_each_kind_of_actor_is_what_the_table_says(
    case: Case, desk: Desk
) -> None:
    judged = {kind: expected(case, kind, ASKED[case.route]) for kind in KINDS.values()}
    wrong = await refused(desk, case, judged)
    for kind, status in judged.items():
        if status is None and (not case.reads or case.own):
            wrong += await let_in(desk, case, kind)
    assert wrong == [], "\n".join(wrong)
    assert desk.calls >= len(KINDS)


async def refused(desk: Desk, case: Case, judged: dict[Kind, int | None]) -> list[str]:
    """Call as each who may not, and as those who only read, on one scene: it stays as it is."""
    await desk.begin()
    names = await desk.prepared(case, None)
    before = await fingerprint(desk.sql, list(desk.kept.rows))
    wrong = []
    for kind, status in judged.items():
        if status is None and (not case.reads or case.own):
            continue
        newest = await newest_event(desk.sql)
        answer = await desk.call(case, kind, names)
        fits = answer.status_code == status if status else answer.status_code in case.answers
        if not fits:
            wrong.append(_told(case, kind, answer, status))
        if await newest_event(desk.sql) != newest:
            wrong.append(f"{case}: {kind.name} was refused and left an event")
    after = await fingerprint(desk.sql, list(desk.kept.rows))
    changed = [name for name in before if before[name] != after[name]]
    return [*wrong, *(f"{case}: somebody who was refused changed {name}" for name in changed)]


async def let_in(desk: Desk, case: Case, kind: Kind) -> list[str]:
    """Call as one who may, on a scene of their own: it succeeds and is recorded."""
    await desk.begin()
    names = await desk.prepared(case, kind)
    newest = await newest_event(desk.sql)
    answer = await desk.call(case, kind, names)
    if answer.status_code not in case.answers:
        return [_told(case, kind, answer, None)]
    recorded = await newest_event(desk.sql) != newest
    if recorded == (bool(case.quiet) or case.reads):
        return [f"{case}: {kind.name} may, and left {'an' if recorded else 'no'} event"]
    return []


def _told(case: Case, kind: Kind, answer: httpx.Response, status: int | None) -> str:
    return (
        f"{case}: {kind.name} was answered {answer.status_code} instead of "
        f"{status or sorted(case.answers)}: {answer.text[:300]}"
    )
