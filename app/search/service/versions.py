"""Pages of versions, in a model and everywhere."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Uuid, any_, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
from app.core.db import Database
from app.core.pages import cut
from app.models.tables import Model
from app.search import ways
from app.search.access import Condition, Wanted, keys_of
from app.search.conditions import condition
from app.search.fields import VERSIONS
from app.search.keyset import Keyset
from app.search.leads import Lead, bounds, conjuncts, leads, named
from app.search.parser import parse, parse_order
from app.search.problems import SearchTooCostly
from app.search.syntax import And, Comparison, Expression, Field, Kind
from app.versions.kept import Kept
from app.versions.rendering import render_page, rendered
from app.versions.tables import Version

MOST_STATEMENTS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of versions is asked for."""

    filter: str | None = None
    order_by: str | None = None
    q: str | None = None
    stage: str | None = None
    status: str | None = None
    cursor: str | None = None
    limit: int = 50

    def expression(self) -> Expression | None:
        """All that must hold, as one expression."""
        found = list(conjuncts(parse(self.filter, VERSIONS)))
        if self.stage is not None:
            found.append(Comparison(Field("stage", (), Kind.WORD), "=", self.stage.lower()))
        if self.status is not None:
            found.append(Comparison(Field("status", (), Kind.CHOICE), "=", self.status))
        return And(tuple(found)) if len(found) > 1 else found[0] if found else None


async def list_versions(
    db: Database, kept: Kept, actor: Actor, model: Model, asked: Asked
) -> tuple[bytes, str | None]:
    """One model's versions, newest first or as asked: the JSON of a page, and the next cursor."""
    expression = asked.expression()
    wanted, keys = _wanted(asked, expression, model)
    async with _search(db, wanted) as session:
        found = leads(expression)
        counts = await _counts(session, wanted, found, model)
        ids = ways.way(wanted, found, counts, model.id)
        spent = counts is not None
        return await _page(session, kept, actor, asked, wanted, keys, ids, spent=spent)


async def list_everywhere(
    db: Database, kept: Kept, actor: Actor, asked: Asked
) -> tuple[bytes, str | None]:
    """The same of all models that the actor can see."""
    expression = asked.expression()
    wanted, keys = _wanted(asked, expression, None)
    async with _search(db, wanted) as session:
        few = await _few_models(session, actor, wanted)
        if few is not None and not few:
            return render_page([], actor, None), None
        found = leads(expression)
        counts = await _counts(session, wanted, found, None, surely=few is not None)
        if few is not None and not ways.leads_to_few(counts):
            ids = ways.in_each(wanted, found, few)
        else:
            ids = ways.way(_seen(wanted, actor, few), found, counts, None)
        spent = _must_look(actor, wanted) + (counts is not None)
        return await _page(session, kept, actor, asked, wanted, keys, ids, spent=spent)


@asynccontextmanager
async def _search(db: Database, wanted: Wanted) -> AsyncIterator[AsyncSession]:
    """A session for a search, which takes its time or is told what to narrow."""
    try:
        async with db.searching() as session:
            yield session
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.QueryCanceled):
            raise
        raise _too_costly(db.search_seconds, wanted) from error


def _too_costly(seconds: float, wanted: Wanted) -> SearchTooCostly:
    unserved = [f"`{name}`" for name in wanted.unserved]
    parts = (
        f"No index answers {', '.join(unserved)}. Add a part that one answers"
        if unserved
        else "Its parts together leave too much to look at. Narrow one of them"
    )
    return SearchTooCostly(
        f"The search took longer than {seconds:g} seconds. {parts} (a tag, a metric, a param, a "
        "stage, a data set's digest, a commit, a creator, a time), or search in one model.",
        errors=[{"pointer": "filter", "detail": f"{parts}."}],
    )


def _wanted(
    asked: Asked, expression: Expression | None, model: Model | None
) -> tuple[Wanted, Keyset]:
    """The page that is asked for, and the order that its cursors are in."""
    orders = parse_order(asked.order_by, VERSIONS)
    matches = [] if expression is None else [condition(expression)]
    if asked.q and asked.q.strip():
        matches.append(_says(asked.q.strip()))
    wanted = Wanted(
        matches=tuple(matches),
        orders=orders,
        bounds=bounds(expression),
        rows=asked.limit + 1,
        in_model=model is not None,
        needs_model=_mentions_model(expression) or any(o.field.root == "model" for o in orders),
        says=asked.q,
    )
    bound_to = (
        "versions",
        None if model is None else model.id,
        asked.filter,
        asked.order_by,
        asked.q,
    )
    keys = Keyset(keys_of(wanted), bound_to=[*bound_to, asked.stage, asked.status])
    if asked.cursor is not None:
        wanted = replace(wanted, after=keys.read(asked.cursor))
    return wanted, keys


def _mentions_model(expression: Expression | None) -> bool:
    return "model" in set(named(expression))


def _says(q: str) -> Condition:
    """Whether a version's name, description or tags hold a text, in any case."""
    text = func.stageward_model_text(Version.name, Version.description, Version.tags)
    return text.icontains(q, autoescape=True)


async def _few_models(session: AsyncSession, actor: Actor, wanted: Wanted) -> Sequence[UUID] | None:
    """The models to search in, where they are few."""
    if not _must_look(actor, wanted):
        return None
    return await ways.few_models(session, actor, wanted.bounds.models)


def _must_look(actor: Actor, wanted: Wanted) -> bool:
    """Whether PostgreSQL is asked which models are searched."""
    return wanted.bounds.models is not None or not ways.sees_all(actor)


def _seen(wanted: Wanted, actor: Actor, few: Sequence[UUID] | None) -> Wanted:
    """The same of what the actor can see, whatever a fact leads to."""
    if few is not None:
        listed = Version.model_id == any_(literal(list(few), ARRAY(Uuid)))
        return replace(wanted, matches=(*wanted.matches, listed))
    seen = (Model.deleted_at.is_(None), visible(actor, Model.name))
    return replace(wanted, matches=(*wanted.matches, *seen), needs_model=True)


async def _counts(
    session: AsyncSession,
    wanted: Wanted,
    found: Sequence[Lead],
    model: Model | None,
    *,
    surely: bool = False,
) -> list[int] | None:
    """How many versions each lead leads to; None where there is one way whatever they say."""
    if not found or (len(found) == 1 and not surely and ways.is_in_order(wanted, found[0])):
        return None
    return await ways.count(session, found, None if model is None else model.id)


async def _page(
    session: AsyncSession,
    kept: Kept,
    actor: Actor,
    asked: Asked,
    wanted: Wanted,
    keys: Keyset,
    ids: Any,
    *,
    spent: int,
) -> tuple[bytes, str | None]:
    """What is kept of the versions need not be read: where `spent` statements leave two, the first
    asks which versions there are, and the second for what is not kept."""
    if spent < MOST_STATEMENTS - 1:
        places, more = cut(await ways.narrow_page(session, wanted, ids), asked.limit)
        found = await kept.written(session, [place for place, _ in places])
        cursor = keys.cursor(places[-1][1]) if more else None
    else:
        rows, more = cut(await ways.page(session, wanted, ids), asked.limit)
        found = [rendered(row) for row, _ in rows]
        cursor = keys.cursor(rows[-1][1]) if more else None
    return render_page(found, actor, cursor), cursor
