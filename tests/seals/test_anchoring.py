"""Whoever wants checkpoints elsewhere is told of each, in its own transaction."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.runtime import Runtime
from app.seals.moments import checkpointed
from app.seals.rules import Checkpoint
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import checkpoints, seal

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def test_a_checkpoint_is_told_in_its_transaction(
    admin: Api, runtime: Runtime, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Checkpoint, Any, Any]] = []

    async def note(session: AsyncSession, checkpoint: Checkpoint) -> None:
        count = text("select count(*) from checkpoints where seq = :seq")
        inside = (await session.execute(count, {"seq": checkpoint.seq})).scalar_one()
        outside = await (
            await sql.execute("select count(*) from checkpoints where seq = %s", [checkpoint.seq])
        ).fetchone()
        told.append((checkpoint, inside, outside))

    monkeypatch.setattr(checkpointed, "_subscribers", [note])
    await make_model(admin, "churn")
    await seal(runtime)
    ((checkpoint, inside, outside),) = told
    assert (inside, outside) == (1, (0,))
    assert [each["seq"] for each in await checkpoints(admin)] == [checkpoint.seq]
