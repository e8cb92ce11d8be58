"""What a process holds while it serves: its settings, the database, the hub and the blob store."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.settings import Settings
from app.core.shared import SharedLook, Turns
from app.core.signals import Hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class Runtime:
    """One a process. `store` is the blob store (`blobs.storage.BlobStore`), which core cannot
    name: it lies above, as do the `issuers` (`issuers.service.Issuers`). `store_check` is the
    store's `check`, shared by all who want to know. In `turns` is done what should not be done
    twice at a time; `looks` are those of one kind that any number of strangers may ask for."""

    settings: Settings
    hub: Hub
    db: Database
    store: Any
    issuers: Any = None
    store_check: SharedLook = field(init=False)
    turns: Turns = field(default_factory=Turns)
    looks: dict[str, SharedLook] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store_check = SharedLook(self._check_store)

    async def _check_store(self) -> None:
        await self.store.check()


def get_runtime(request: Request) -> Runtime:
    """The runtime of the process that serves this request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _transaction(request: Request) -> "AsyncIterator[AsyncSession]":
    async with get_runtime(request).db.transaction() as session:
        request.state.session = session
        yield session


async def _reading(request: Request) -> "AsyncIterator[AsyncSession]":
    async with get_runtime(request).db.reading() as session:
        yield session


CurrentRuntime = Annotated[Runtime, Depends(get_runtime)]
# Scope "function" ends the dependency, and so commits, before the response leaves.
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]
