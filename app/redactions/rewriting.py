"""Rewriting every row that holds a text, in one transaction. The text goes along as a bound value,
and for the guards as a setting that ends with the transaction; neither is logged by us."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import service as models
from app.redactions import queries, rules, standing, statements, telling
from app.redactions.places import FORGOTTEN, RECORD, TABLES, Table
from app.redactions.problems import refused
from app.redactions.telling import Told


@dataclass(slots=True)
class Found:
    """In how many rows of each place the text stood, which events were rewritten, and what some of
    these told of earlier redactions."""

    rows: dict[str, int] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    told: Told = field(default_factory=Told)


async def alone(session: AsyncSession) -> None:
    """Wait until no other redaction runs, and hold every model; with the time that it takes to
    read all that is kept."""
    for statement in (*statements.BEGIN, statements.ALONE):
        await session.execute(text(statement))
    await models.lock_every(session)


async def rewrite_all(session: AsyncSession, redaction_id: UUID, marker: str, secret: str) -> Found:
    """Replace the text wherever it stands, or raise `RedactionRefused`."""
    stage = await queries.stage_named(session, secret)
    if stage is not None:
        raise refused(
            "stages.name",
            "A stage bears it in its name. Set policies without that stage first.",
        )
    values: dict[str, Any] = {"redaction": str(redaction_id), "text": secret, "marker": marker}
    await _one(session, statements.UNDERWAY, values)
    values["quoted"] = (await _one(session, statements.QUOTED, values))[0]
    found = Found(told=await telling.earlier(session, values))
    for table in TABLES:
        _note(found, table.name, await _rewrite(session, table, values))
    spellings = {"spellings": rules.spellings(secret)}
    for name, columns in FORGOTTEN.items():
        (gone,) = await _one(session, statements.forget(name, columns), spellings)
        _note(found, name, {"": gone})
    await standing.check(session, redaction_id, marker)
    for name in RECORD:
        await _rewrite_record(session, name, found)
    await telling.check_order(session, redaction_id)
    return found


async def _rewrite(session: AsyncSession, table: Table, values: dict[str, Any]) -> dict[str, int]:
    try:
        row = (await session.execute(text(statements.rewrite(table)), values)).one()
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        raise refused(table.name, f"What would stand there instead breaks {name}.") from None
    counts = dict(row._mapping)
    for column in table.columns:
        if counts.pop(f"too_long_{column}", 0):
            raise refused(f"{table.name}.{column}", "It would become too long.")
    return counts


async def _rewrite_record(session: AsyncSession, name: str, found: Found) -> None:
    rows = await session.execute(text(statements.rewrite_record(name)))
    counts: Counter[str] = Counter()
    for row_id, touched in rows:
        counts.update(touched)
        if name == "events":
            found.events.append(row_id)
    _note(found, name, dict(counts))


async def _one(session: AsyncSession, statement: str, values: dict[str, Any]) -> Any:
    return (await session.execute(text(statement), values)).one()


def _note(found: Found, table: str, counts: dict[str, int]) -> None:
    for column, rows in counts.items():
        place = f"{table}.{column}".rstrip(".")
        if rows:
            found.rows[place] = found.rows.get(place, 0) + rows
