"""Policies as tests set them."""

from typing import Any

from tests.actors import Api

STAGING = {"name": "staging", "from": ["none", "archived"]}
PRODUCTION: dict[str, Any] = {
    "name": "production",
    "from": ["staging"],
    "exclusive": True,
    "approvals": [{"count": 1, "roles": ["reviewer"]}],
}


def default_with(*stages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The default policy, with these stages added or in place of its own."""
    named = {"staging": STAGING, "production": PRODUCTION}
    named |= {stage["name"]: stage for stage in stages}
    return {"stages": list(named.values()), **fields}


async def put_default(admin: Api, *stages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Set the default policy."""
    put = await admin.put("/policy", json=default_with(*stages, **fields))
    assert put.status_code == 200, put.text
    return dict(put.json())


async def put_own(api: Api, model: str = "churn", **fields: Any) -> dict[str, Any]:
    """Set the policy of a model."""
    put = await api.put(f"/models/{model}/policy", json=fields)
    assert put.status_code == 200, put.text
    return dict(put.json())
