"""Plain functions that bring a registry into a state, through the API."""

from typing import Any

from tests.actors import Api

RECIPE: dict[str, Any] = {
    "description": "Depth 6 instead of 4.",
    "params": {"lr": 0.01, "depth": 6, "layers": [64, 32], "optimizer": {"name": "adam"}},
    "metrics": {"auc": 0.934, "log_loss": 0.21},
    "tags": {"team": "fraud"},
    "code": {
        "repository": "https://git.example.com/risk/churn.git",
        "commit": "3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304",
        "branch": "main",
        "dirty": False,
    },
    "datasets": [{"name": "customers", "role": "train", "sha256": "ab" * 32, "rows": 48213}],
    "preprocessing": [{"name": "standard-scaler", "version": "1.9.1"}],
    "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.0"}},
    "seed": 7,
    "signature": {"inputs": [{"name": "age", "type": "float"}], "outputs": {"p": "float"}},
    "run": {"tracker": "mlflow", "id": "8f0c2d"},
    "source": "s3://models/churn/2026-11-20/",
}


async def make_model(api: Api, name: str = "churn", **fields: Any) -> dict[str, Any]:
    made = await api.post("/models", {"name": name, **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def make_draft(api: Api, model: str = "churn", **fields: Any) -> dict[str, Any]:
    made = await api.post(f"/models/{model}/versions", fields)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def make_ready(api: Api, model: str = "churn", **fields: Any) -> dict[str, Any]:
    return await make_draft(api, model, finalize=True, **fields)


async def events(api: Api, **query: Any) -> list[dict[str, Any]]:
    """The events that the actor sees, in commit order, over all pages."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {**query, "limit": 200, **({"cursor": cursor} if cursor else {})}
        page = await api.get("/events", params=params)
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem document of an answer, which must be this one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = dict(answer.json())
    assert body["type"].endswith(f"/problems/{slug}"), body
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def pointers(body: dict[str, Any]) -> set[str]:
    """Where the entries of a 422 point."""
    return {error["pointer"] for error in body["errors"]}
