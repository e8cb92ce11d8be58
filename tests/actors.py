"""People and service accounts with real tokens."""

from typing import Any

import httpx

API = "/api/v1"
EVERYTHING = ["read", "write", "review", "admin"]


class Api:
    """A client that speaks as one actor. Paths are below `/api/v1`."""

    def __init__(self, http: httpx.AsyncClient, token: str, name: str) -> None:
        self.http = http
        self.token = token
        self.name = name

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.http.request(method, API + path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Follows the way to the bytes of a file, where it leads past the service."""
        return await self.request("GET", path, **{"follow_redirects": True, **options})

    async def head(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("HEAD", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        if json is not None:
            options["json"] = json
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return await self.request("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("DELETE", path, **options)


class Team:
    """Makes actors. Each has its own identity, a role on some models, and a token."""

    def __init__(self, admin: Api) -> None:
        self.admin = admin

    async def person(
        self,
        name: str,
        role: str | None = None,
        *,
        models: str = "*",
        scopes: list[str] | None = None,
    ) -> Api:
        """A user with a role (none: no grant at all) and a token that the admin issued."""
        made = await self.admin.post("/identities", {"name": name, "kind": "user"})
        assert made.status_code == 201, made.text
        return await self._equip(name, role, models, scopes)

    async def service(
        self,
        name: str,
        owner: Api,
        role: str | None = None,
        *,
        models: str = "*",
        scopes: list[str] | None = None,
    ) -> Api:
        """A service account of `owner`'s."""
        made = await self.admin.post(
            "/identities", {"name": name, "kind": "service", "owner": owner.name}
        )
        assert made.status_code == 201, made.text
        return await self._equip(name, role, models, scopes)

    async def grant(self, subject: str, role: str, models: str = "*") -> None:
        granted = await self.admin.put(
            "/grants", json={"subject": subject, "role": role, "models": models}
        )
        assert granted.status_code in (200, 201), granted.text

    async def token(self, name: str, scopes: list[str] | None = None, **options: Any) -> Api:
        """One more token for an identity, issued by the admin."""
        body = {"name": "test", "identity": name, "scopes": scopes or EVERYTHING, **options}
        issued = await self.admin.post("/tokens", body)
        assert issued.status_code == 201, issued.text
        return Api(self.admin.http, issued.json()["secret"], name)

    async def _equip(
        self, name: str, role: str | None, models: str, scopes: list[str] | None
    ) -> Api:
        if role is not None:
            await self.grant(name, role, models)
        return await self.token(name, scopes)
