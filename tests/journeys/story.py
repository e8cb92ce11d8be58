"""What people and machines do in the stories of the worked policies, as plain functions."""

from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from tests.actors import Api
from tests.factories import events, problem
from tests.promotions.acting import VERSIONS, apply, approve, ask

Sql = psycopg.AsyncConnection[tuple[object, ...]]
RECIPE: dict[str, Any] = {
    "description": "Depth 6 instead of 4: it underfitted.",
    "code": {
        "repository": "https://git.example.com/risk/churn.git",
        "commit": "3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304",
        "dirty": False,
    },
    "datasets": [{"name": "customers", "role": "train", "sha256": "ab" * 32}],
    "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.0"}},
    "seed": 7,
}
HOLDOUT, OTHER_HOLDOUT = "9f86d0" + "0" * 58, "ab12" + "0" * 60


async def register(
    api: Api, *files: str, model: str = "churn", content: bytes = b"weights", **recipe: Any
) -> int:
    """A ready version with these files; its number."""
    made = await api.post(f"/models/{model}/versions", {**RECIPE, **recipe})
    assert made.status_code == 201, made.text
    number = int(made.json()["number"])
    path = f"/models/{model}/versions/{number}"
    for file in files:
        put = await api.put(f"{path}/files/{file}", content=content)
        assert put.is_success, put.text
    done = await api.post(f"{path}/finalize")
    assert done.status_code == 200, done.text
    return number


async def measure(
    api: Api, number: int, metric: str, value: float, dataset: str, sha256: str, **sure: Any
) -> None:
    """Report a metric of a version, and how sure it is."""
    wanted = {
        "dataset": {"name": dataset, "sha256": sha256},
        "metrics": {metric: {"value": value, **sure}},
    }
    made = await api.post(f"{VERSIONS}/{number}/evaluations", wanted)
    assert made.status_code == 201, made.text


async def check(api: Api, number: int, name: str, status: str, summary: str = "") -> None:
    """Report a check, of the bytes that the version has."""
    version = (await api.get(f"{VERSIONS}/{number}")).json()
    verdict = {"status": status, "summary": summary, "manifest_sha256": version["manifest_sha256"]}
    put = await api.put(f"{VERSIONS}/{number}/checks/{quote(name)}", json=verdict)
    assert put.status_code == 201, put.text


def failing(promotion: dict[str, Any]) -> list[str]:
    """The gates of a promotion that do not pass."""
    return [gate["type"] for gate in promotion["gates"] if not gate["passed"]]


def detail_of(promotion: dict[str, Any], kind: str) -> str:
    """What the one gate of this kind says."""
    (found,) = [gate["detail"] for gate in promotion["gates"] if gate["type"] == kind]
    return str(found)


def unmet(answer: httpx.Response) -> list[str]:
    """What an apply that was refused still asks for: the types of gates, and other kinds."""
    found = problem(answer, 409, "promotion-not-approved")["unmet"]
    return [
        each["detail"].split(":")[0] if each["kind"] == "gate" else each["kind"] for each in found
    ]


async def agreed(asker: Api, number: int, to: str, *reviewers: Api) -> dict[str, Any]:
    """A promotion that was asked for, approved and applied."""
    asked = await ask(asker, number, to)
    assert asked.status_code == 201, asked.text
    promotion = dict(asked.json())
    for reviewer in reviewers:
        await approve(reviewer, promotion)
    done = await apply(asker, promotion)
    assert done.status_code == 200, done.text
    return dict(done.json())


async def holders(api: Api) -> dict[str, list[int]]:
    """Who holds what now."""
    return dict((await api.get("/models/churn")).json()["stages"])


async def entered(api: Api, number: int, stage: str) -> str:
    """When a version last entered a stage."""
    found = (await api.get("/models/churn/transitions", params={"limit": 200})).json()["items"]
    return str(next(t["at"] for t in found if (t["number"], t["to"]) == (number, stage)))


async def held_at(api: Api, stage: str, at: str) -> tuple[int | None, str | None]:
    """Who held a stage at an instant, and by which promotion."""
    found = await api.get(f"/models/churn/stages/{stage}", params={"at": at})
    assert found.status_code == 200, found.text
    return found.json()["number"], found.json()["promotion"]


async def let_pass(sql: Sql, stage: str, hours: float) -> None:
    """All that happened to whoever holds a stage happened so many hours earlier. Past the guards,
    as time is."""
    await sql.execute("set session_replication_role = replica")
    holding = "select version_id from tenures where stage = %s and upper_inf(held)"
    found = await sql.execute(
        f"select id from tenures where version_id in ({holding}) order by held",
        [stage],
    )
    for (tenure,) in await found.fetchall():
        await sql.execute(
            "update tenures set held = tstzrange(lower(held) - %(by)s * interval '1 hour', "
            "upper(held) - %(by)s * interval '1 hour') where id = %(id)s",
            {"by": hours, "id": tenure},
        )


async def told(admin: Api, promotion: dict[str, Any]) -> list[tuple[str, str]]:
    """What the record says happened to a promotion, and who did it."""
    subject = f"promotion:{promotion['id']}"
    found = await events(admin, model="churn")
    return [
        (each["action"].removeprefix("promotion."), each["actor"])
        for each in found
        if each["subject"] == subject
    ]
