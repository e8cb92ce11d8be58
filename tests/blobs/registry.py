"""A registry over a store of its own, whose blobs are named by versions, swept and damaged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from app.blobs.queries import KnownBlob
from app.blobs.stores.interface import BlobStore
from app.core.runtime import Runtime
from app.main import create_app
from tests.actors import Api
from tests.blobs.conftest import in_chunks, sha256_of
from tests.conftest import ADMIN_TOKEN
from tests.factories import events, make_draft, make_model

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
V = "/models/churn/versions/1"


@dataclass
class Registry:
    """What answers over the store, and what can be done behind its back."""

    admin: Api
    runtime: Runtime
    sql: Sql

    @property
    def store(self) -> BlobStore:
        store: BlobStore = self.runtime.store
        return store

    async def keep(self, body: bytes, path: str = "w", version: str = V) -> str:
        """A blob that a file of a draft points at."""
        put = await self.admin.put(f"{version}/files/{path}", content=body)
        assert put.status_code in (200, 201), put.text
        return sha256_of(body)

    async def release(self, path: str = "w", version: str = V) -> None:
        """Take the file out: nothing names its blob any more."""
        assert (await self.admin.delete(f"{version}/files/{path}")).status_code == 204

    async def put_behind(self, sha256: str, body: bytes) -> None:
        """Give a blob's key to whatever bytes, as no client could."""
        upload_id = uuid4()
        proven = await self.store.receive(upload_id, in_chunks(body))
        await self.store.adopt(upload_id, replace(proven, sha256=sha256))

    async def known(self, sha256: str) -> KnownBlob | None:
        found = await self.sql.execute(
            "select size, checked_at, damage, unreferenced_since from blobs where sha256 = %s",
            [bytes.fromhex(sha256)],
        )
        row = await found.fetchone()
        return None if row is None else KnownBlob(sha256, *row)

    async def damage_of(self, sha256: str) -> str | None:
        found = await self.known(sha256)
        assert found is not None
        return found.damage

    async def let_pass(self, what: str, time: str, *digests: str) -> None:
        """Let so much time have passed since then (`checked_at`, `doomed_at`, …)."""
        await self.sql.execute(
            f"update blobs set {what} = {what} - interval '{time}' where sha256 = any(%s)",  # type: ignore[arg-type]
            [[bytes.fromhex(sha256) for sha256 in digests]],
        )

    async def told(self, api: Api | None = None) -> list[tuple[str, dict[str, Any]]]:
        """The events about blobs."""
        return [
            (event["action"], event["details"])
            for event in await events(api or self.admin)
            if event["action"].startswith("blob.")
        ]


@asynccontextmanager
async def registry_over(store: BlobStore, runtime: Runtime, sql: Sql) -> AsyncIterator[Registry]:
    """A registry with a model, `churn`, that has a draft."""
    runtime = replace(runtime, store=store)
    transport = httpx.ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        admin = Api(http, ADMIN_TOKEN, "admin")
        await make_model(admin)
        await make_draft(admin)
        yield Registry(admin, runtime, sql)
