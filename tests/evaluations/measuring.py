"""What people do with evaluations, as plain functions."""

from typing import Any

import httpx

from tests.actors import Api
from tests.promotions.acting import VERSIONS

DIGEST = "ab" * 32
EVALUATIONS = f"{VERSIONS}/1/evaluations"
WHOLE: dict[str, Any] = {
    "dataset": {"name": "holdout", "version": "2026-10", "sha256": DIGEST},
    "metrics": {"auc": {"value": 0.934, "stderr": 0.004, "n": 12000}, "log_loss": 0.21},
    "source": "https://ci.example.com/runs/8121",
    "notes": "Without **minors**.\n\nTwice.",
}


def body(name: str = "holdout", sha256: str | None = None, **metrics: Any) -> dict[str, Any]:
    dataset = {"name": name, **({"sha256": sha256} if sha256 else {})}
    return {"dataset": dataset, "metrics": metrics or {"auc": 0.9}}


async def report(api: Api, wanted: dict[str, Any], ref: int | str = 1) -> httpx.Response:
    return await api.post(f"{VERSIONS}/{ref}/evaluations", wanted)


async def reported(api: Api, wanted: dict[str, Any], ref: int | str = 1) -> dict[str, Any]:
    made = await report(api, wanted, ref)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    found = await api.get(EVALUATIONS, params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])
