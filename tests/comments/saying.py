"""What people do with comments, as plain functions."""

from hashlib import sha256
from typing import Any

import httpx

from tests.actors import Api
from tests.promotions.acting import VERSIONS

ON_VERSION = f"{VERSIONS}/1/comments"


def on(promotion: dict[str, Any]) -> str:
    return f"/promotions/{promotion['id']}/comments"


async def comment(api: Api, body: str, path: str = ON_VERSION) -> dict[str, Any]:
    said = await api.post(path, {"body": body})
    assert said.status_code == 201, said.text
    return dict(said.json())


async def edit(api: Api, said: dict[str, Any], body: str, **options: Any) -> httpx.Response:
    return await api.patch(f"/comments/{said['id']}", {"body": body}, **options)


async def delete(api: Api, said: dict[str, Any], **options: Any) -> httpx.Response:
    return await api.delete(f"/comments/{said['id']}", **options)


async def shown(api: Api, said: dict[str, Any]) -> dict[str, Any]:
    found = await api.get(f"/comments/{said['id']}")
    assert found.status_code == 200, found.text
    return dict(found.json())


async def items(api: Api, path: str = ON_VERSION, **query: Any) -> list[dict[str, Any]]:
    """What a list holds, over all its pages, as its `Link` headers lead."""
    found: list[dict[str, Any]] = []
    page = await api.get(path, params=query)
    while True:
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        link = page.headers.get("link")
        assert (link is None) == (page.json()["next_cursor"] is None)
        if link is None:
            return found
        page = await api.get(link.partition(">")[0].removeprefix("</api/v1"))


async def texts(api: Api, path: str = ON_VERSION, **query: Any) -> list[str | None]:
    return [item["body"] for item in await items(api, path, **query)]


async def earlier(api: Api, said: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    return await items(api, f"/comments/{said['id']}/history", **query)


def traces(body: str) -> dict[str, Any]:
    """What the record keeps of a text."""
    return {"body_sha256": sha256(body.encode()).hexdigest(), "body_bytes": len(body.encode())}
