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
from app.models.rules import parse_template
from app.redactions import queries, rules, statements
from app.redactions.places import FORGOTTEN, RECORD, TABLES, Table
from app.redactions.problems import RedactionRefused


@dataclass(slots=True)
class Found:
    """In how many rows of each place the text stood, and which events were rewritten."""

    rows: dict[str, int] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)


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
        raise _refused(
            "stages.name",
            "A stage bears it in its name. Set policies without that stage first.",
        )
    values: dict[str, Any] = {"redaction": str(redaction_id), "text": secret, "marker": marker}
    await _one(session, statements.UNDERWAY, values)
    values["quoted"] = (await _one(session, statements.QUOTED, values))[0]
    found = Found()
    for table in TABLES:
        _note(found, table.name, await _rewrite(session, table, values))
    spellings = {"spellings": rules.spellings(secret)}
    for name, columns in FORGOTTEN.items():
        (gone,) = await _one(session, statements.forget(name, columns), spellings)
        _note(found, name, {"": gone})
    await _check_templates(session, marker)
    for name in RECORD:
        await _rewrite_record(session, name, found)
    return found


async def _rewrite(session: AsyncSession, table: Table, values: dict[str, Any]) -> dict[str, int]:
    try:
        row = (await session.execute(text(statements.rewrite(table)), values)).one()
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        raise _refused(table.name, f"What would stand there instead breaks {name}.") from None
    counts = dict(row._mapping)
    for column in table.columns:
        if counts.pop(f"too_long_{column}", 0):
            raise _refused(f"{table.name}.{column}", "It would become too long.")
    return counts


async def _rewrite_record(session: AsyncSession, name: str, found: Found) -> None:
    rows = await session.execute(text(statements.rewrite_record(name)))
    counts: Counter[str] = Counter()
    for row_id, touched in rows:
        counts.update(touched)
        if name == "events":
            found.events.append(row_id)
    _note(found, name, dict(counts))


async def _check_templates(session: AsyncSession, marker: str) -> None:
    """A naming convention that nobody can read would stop its model."""
    for model, template in await queries.unreadable_template(session, marker):
        try:
            parse_template(template)
        except ValueError:
            why = f"The naming convention of the model {model} would not be one any more."
            raise _refused("models.name_template", why) from None


async def _one(session: AsyncSession, statement: str, values: dict[str, Any]) -> Any:
    return (await session.execute(text(statement), values)).one()


def _note(found: Found, table: str, counts: dict[str, int]) -> None:
    for column, rows in counts.items():
        place = f"{table}.{column}".rstrip(".")
        if rows:
            found.rows[place] = found.rows.get(place, 0) + rows


def _refused(place: str, why: str) -> RedactionRefused:
    return RedactionRefused(
        f"The text stands in {place} and cannot be taken from there. {why} Nothing was changed.",
        extra={"place": place},
    )
