"""What people do with promotions, as plain functions, and a team that does it."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.actors import Api, Team
from tests.factories import make_model, make_ready

VERSIONS = "/models/churn/versions"


@dataclass
class People:
    """Alice trains and asks (and is a reviewer herself), Bob reviews, Carol reads, Dan is a
    contributor, Mia a maintainer; `ci` is Mia's service account."""

    admin: Api
    alice: Api
    bob: Api
    carol: Api
    dan: Api
    mia: Api
    ci: Api


async def make_people(admin: Api, team: Team) -> People:
    mia = await team.person("mia", "maintainer")
    return People(
        admin=admin,
        alice=await team.person("alice", "reviewer"),
        bob=await team.person("bob", "reviewer"),
        carol=await team.person("carol", "reader"),
        dan=await team.person("dan", "contributor"),
        mia=mia,
        ci=await team.service("ci", mia, "contributor"),
    )


async def ask(api: Api, number: int | str, to: str, **fields: Any) -> httpx.Response:
    body = {"to": to, "reason": "It is better.", **fields}
    return await api.post(f"{VERSIONS}/{number}/promotions", body)


async def open_promotion(api: Api, number: int, to: str) -> dict[str, Any]:
    asked = await ask(api, number, to)
    assert asked.status_code == 201, asked.text
    return dict(asked.json())


async def say(api: Api, promotion: dict[str, Any], decision: str, **fields: Any) -> httpx.Response:
    body = {"decision": decision, **fields}
    return await api.post(f"/promotions/{promotion['id']}/reviews", body)


async def approve(api: Api, promotion: dict[str, Any]) -> dict[str, Any]:
    said = await say(api, promotion, "approve")
    assert said.status_code == 201, said.text
    return dict(said.json())


async def apply(api: Api, promotion: dict[str, Any], **options: Any) -> httpx.Response:
    return await api.post(f"/promotions/{promotion['id']}/apply", **options)


async def look(api: Api, promotion: dict[str, Any]) -> dict[str, Any]:
    found = await api.get(f"/promotions/{promotion['id']}")
    assert found.status_code == 200, found.text
    return dict(found.json())


async def to_staging(api: Api, number: int) -> dict[str, Any]:
    asked = await ask(api, number, "staging", apply=True)
    assert asked.status_code == 201, asked.text
    assert asked.json()["status"] == "applied", asked.text
    return dict(asked.json())


async def to_production(asker: Api, reviewer: Api, number: int) -> dict[str, Any]:
    """From anywhere that staging can be reached from, through staging, to production."""
    await to_staging(asker, number)
    promotion = await open_promotion(asker, number, "production")
    await approve(reviewer, promotion)
    applied = await apply(asker, promotion)
    assert applied.status_code == 200, applied.text
    return dict(applied.json())


async def registered(people: People, count: int = 1) -> None:
    """A model `churn` with so many ready versions, all written by Alice."""
    await make_model(people.admin)
    for _ in range(count):
        await make_ready(people.alice, description="What changed and why.")


async def stage_of(api: Api, number: int) -> str:
    found = await api.get(f"{VERSIONS}/{number}")
    assert found.status_code == 200, found.text
    return str(found.json()["stage"])
