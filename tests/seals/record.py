"""Making, sealing, tampering with and judging a record, by the server and offline alike."""

import base64
from typing import Any

import psycopg

from app.core.runtime import Runtime
from app.seals import offline
from app.seals.keys import signer
from app.seals.rules import Kept
from app.seals.service import Sealer
from tests.actors import Api

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def seal(runtime: Runtime, sealer: Sealer | None = None) -> None:
    """Seal all that can be sealed."""
    work = sealer or Sealer(runtime)
    while await work() == 0:
        continue


async def tamper(sql: Sql, *statements: str) -> None:
    """What a superuser may do whom no guard binds."""
    await sql.execute("set session_replication_role = replica")
    for statement in statements:
        changed = await sql.execute(statement)  # type: ignore[arg-type]
        assert changed.rowcount != 0, statement
    await sql.execute("set session_replication_role = origin")


async def verified(admin: Api, **query: Any) -> dict[str, Any]:
    """The server's judgement."""
    answer = await admin.get("/events/verify", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def exported(admin: Api, **query: Any) -> list[str]:
    answer = await admin.get("/events/export", params=query)
    assert answer.status_code == 200, answer.text
    return [line + "\n" for line in answer.text.split("\n") if line]


async def checkpoints(admin: Api) -> list[dict[str, Any]]:
    return list((await admin.get("/events/checkpoints")).json()["items"])


def judged(
    lines: list[str], runtime: Runtime, kept: Kept | None = None, key: str | None = None
) -> offline.Report:
    """The offline verifier's judgement."""
    keys = offline.read_keys([key or signer(runtime.settings).public.text])
    return offline.verify(lines, keys, kept)


async def found(
    admin: Api, runtime: Runtime, kept: Kept | None = None
) -> tuple[int | None, int | None, str]:
    """The first problem: its seal, its event and its kind; server and offline verifier must say the
    same."""
    query = {"checkpoint": f"{kept.seq}:{kept.hash}"} if kept else {}
    told = await verified(admin, **query)
    report = judged(await exported(admin), runtime, kept)
    assert not told["valid"]
    assert not report.valid
    first = told["first_problem"]
    assert any(f"{first['detail']} ({first['problem']})" in line for line in report.sentences)
    return first["seq"], first["event_id"], first["problem"]


async def assert_valid(admin: Api, runtime: Runtime, kept: Kept | None = None) -> dict[str, Any]:
    """Both say that the record is as it was sealed."""
    query = {"checkpoint": f"{kept.seq}:{kept.hash}"} if kept else {}
    told = await verified(admin, **query)
    report = judged(await exported(admin), runtime, kept)
    assert told["valid"], told
    assert report.valid, report.sentences
    return told


async def sealed_events(sql: Sql) -> list[int]:
    """The events' ids in the order of their seals: the event of seal n is at n - 1."""
    rows = await (await sql.execute("select event_id from seals order by seq")).fetchall()
    return [int(id_) for (id_,) in rows]


def another_key() -> str:
    return base64.b64encode(b"k" * 32).decode()
