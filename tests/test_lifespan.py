"""What a serving process opens, it opens once and lets go of."""

from dataclasses import replace

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime
from app.serving import with_worker


class CountedStore:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def prepare(self) -> None:
        self.asked.append("prepare")

    async def close(self) -> None:
        self.asked.append("close")


async def test_the_blob_store_is_made_ready_once_and_let_go_of_once(
    settings: Settings, runtime: Runtime
) -> None:
    store = CountedStore()
    own = replace(build_runtime(settings, runtime.db.url), store=store)
    app = with_worker(own)
    async with app.router.lifespan_context(app):
        assert store.asked == ["prepare"]
    assert store.asked == ["prepare", "close"]
