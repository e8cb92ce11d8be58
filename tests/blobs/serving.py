"""The room's routes over a store, without a database: in the test's own process or in another."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI, Request

from app.blobs.links import Links
from app.blobs.router import router
from app.blobs.stores.interface import BlobStore, Download, Upload
from app.blobs.stores.local import LocalStore
from app.core import errors
from app.core.settings import Settings

KEY = "a-secret-key-for-tests-0123456789"
MINUTES = timedelta(minutes=5)
PART_SIZE = 64 * 1024


def local_store(root: Path, part_size: int = PART_SIZE) -> LocalStore:
    return LocalStore(root, Links(KEY.encode(), "http://test"), part_size=part_size)


def serve(store: BlobStore, data_dir: Path) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.prepare()
        yield
        await store.close()

    app = FastAPI(lifespan=lifespan)
    settings = Settings(data_dir=data_dir, secret_key=KEY)
    app.state.runtime = SimpleNamespace(settings=settings, store=store)
    app.include_router(router)
    errors.install(app)
    return app


def another_process() -> FastAPI:
    """For uvicorn's `--factory`: the room's routes, and what the files room will do around them."""
    root = Path(os.environ["BLOBS_ROOT"])
    store = local_store(root, int(os.environ["BLOBS_PART_SIZE"]))
    app = serve(store, root.parent)

    @app.put("/stream")
    async def stream(request: Request) -> dict[str, Any]:
        upload_id = uuid4()
        proven = await store.receive(upload_id, request.stream())
        await store.adopt(upload_id, proven)
        return {"sha256": proven.sha256, "size": proven.size}

    @app.post("/complete")
    async def complete(upload_id: UUID, size: int, part_size: int) -> dict[str, Any]:
        upload = Upload(upload_id, size, part_size)
        await store.complete(upload)
        proven = await store.prove(upload)
        await store.adopt(upload_id, proven)
        [link] = await store.link_downloads([Download(proven.sha256, size, "x")], MINUTES)
        return {"sha256": proven.sha256, "url": link.url}

    return app
