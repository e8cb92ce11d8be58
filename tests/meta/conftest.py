"""An application whose PostgreSQL is away: what it says about itself must not need one."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from app.main import build_runtime, create_app

NOBODY_LISTENS = "postgresql://nobody:secret@127.0.0.1:1/none"


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data_dir=tmp_path, public_url="http://test")
    runtime = build_runtime(settings, NOBODY_LISTENS)
    await runtime.store.prepare()
    transport = httpx.ASGITransport(app=create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await runtime.db.close()
