"""Gates, and the reports that they look at, through the API."""

from typing import Any
from urllib.parse import quote

from tests.actors import Api
from tests.promotions.acting import VERSIONS, People, ask, open_promotion, registered, to_staging

DATA, OTHER_DATA = "9f86d0" + "0" * 58, "ab12" + "0" * 60
BY_CI = {"reported_by": {"identities": ["ci"]}}
PRODUCTION: dict[str, Any] = {
    "name": "production",
    "from": ["staging"],
    "exclusive": True,
    "incumbent": "archive",
}


async def set_gates(people: People, *gates: dict[str, Any], **production: Any) -> None:
    """What production asks for by default: these gates, and no approval unless told."""
    stages = [
        {"name": "staging", "from": ["none", "archived"]},
        {**PRODUCTION, "gates": list(gates), **production},
    ]
    put = await people.admin.put("/policy", json={"stages": stages})
    assert put.status_code == 200, put.text


async def measure(
    api: Api,
    number: int,
    *values: float,
    sha256: str | None = DATA,
    dataset: str = "holdout",
    metric: str = "auc",
    **how_sure: Any,
) -> None:
    """Report a metric of a version, so many times."""
    data = {"name": dataset} | ({} if sha256 is None else {"sha256": sha256})
    for value in values:
        made = await api.post(
            f"{VERSIONS}/{number}/evaluations",
            {"dataset": data, "metrics": {metric: {"value": value, **how_sure}}},
        )
        assert made.status_code == 201, made.text


async def check(
    api: Api, number: int, status: str, name: str = "ci/robustness", **fields: Any
) -> None:
    """Report a check."""
    path = f"{VERSIONS}/{number}/checks/{quote(name)}"
    put = await api.put(path, json={"status": status, **fields})
    assert put.status_code in (200, 201), put.text


async def wanted(people: People, *gates: dict[str, Any], **production: Any) -> dict[str, Any]:
    """Version 1 of a model, in staging, for which production was asked."""
    await registered(people)
    await set_gates(people, *gates, **production)
    await to_staging(people.alice, 1)
    return await open_promotion(people.alice, 1, "production")


async def second_wanted(people: People, *gates: dict[str, Any]) -> dict[str, Any]:
    """Version 1 holds production, and production was asked for version 2."""
    await registered(people, 2)
    await set_gates(people)
    await to_staging(people.alice, 1)
    applied = await ask(people.alice, 1, "production", apply=True)
    assert applied.json()["status"] == "applied", applied.text
    await set_gates(people, *gates)
    await to_staging(people.alice, 2)
    return await open_promotion(people.alice, 2, "production")


def verdicts(promotion: dict[str, Any]) -> list[bool]:
    return [gate["passed"] for gate in promotion["gates"]]


def only_detail(promotion: dict[str, Any]) -> str:
    (gate,) = promotion["gates"]
    return str(gate["detail"])
