"""Pages while others write: what was there before the first page comes exactly once."""

import asyncio
from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import make_model, make_ready

MODELS = ("churn", "fraud", "spam")
ORDERS = (None, "created_at", "metrics.auc desc", "metrics.auc", "params.lr, created_at desc")


async def walked(api: Api, path: str, order: str | None) -> list[tuple[str, int]]:
    """All pages of three."""
    found: list[tuple[str, int]] = []
    cursor = None
    while True:
        asked: dict[str, Any] = {"limit": 3, "order_by": order, "cursor": cursor}
        given = {key: value for key, value in asked.items() if value is not None}
        answer = await api.get(path, params=given)
        assert answer.status_code == 200, answer.text
        found += [(each["model"], each["number"]) for each in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def recipe(number: int) -> dict[str, Any]:
    """Every third has no metric; values repeat."""
    metrics = {} if number % 3 == 0 else {"auc": number % 4 / 4}
    return {"metrics": metrics, "params": {"lr": number % 5}}


@pytest.mark.parametrize("order", ORDERS)
async def test_versions_that_come_meanwhile_make_none_come_twice_or_not_at_all(
    admin: Api, team: Team, order: str | None
) -> None:
    rita = await team.person("rita", "reader", models="churn")
    for model in MODELS:
        await make_model(admin, model)
        await asyncio.gather(*(make_ready(admin, model, **recipe(n)) for n in range(7)))
    before = {(model, number) for model in MODELS for number in range(1, 8)}
    is_over = asyncio.Event()

    async def write(model: str) -> None:
        for number in range(12):
            if is_over.is_set():
                return
            await make_ready(admin, model, **recipe(number))

    writers = [asyncio.create_task(write(model)) for model in MODELS]
    everywhere, in_model, of_rita = await asyncio.gather(
        walked(admin, "/versions", order),
        walked(admin, "/models/churn/versions", order),
        walked(rita, "/versions", order),
    )
    is_over.set()
    await asyncio.gather(*writers)
    own = {each for each in before if each[0] == "churn"}
    for found, wanted in ((everywhere, before), (in_model, own), (of_rita, own)):
        assert len(found) == len(set(found))
        assert wanted <= set(found)
