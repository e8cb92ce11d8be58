"""The SELECTs of searches in versions, three at most for a page: which models are meant, how many
versions the parts of the filter lead to, and the page."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, func, join, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
from app.models.tables import Model
from app.search import access
from app.search.access import Wanted, keys_of, ordered
from app.search.leads import Lead, Range, fact_name
from app.versions import shown
from app.versions.shown import Shown
from app.versions.tables import Version

# As many versions as a lead may lead to and all be read and sorted.
FEW_FOUND = 2000
# As many models as are searched one by one.
FEW_MODELS = 200


def sees_all(actor: Actor) -> bool:
    """Whether no model is hidden from an actor."""
    granted, narrowed = actor.visible_models
    return "*" in granted and (narrowed is None or "*" in narrowed)


async def few_models(
    session: AsyncSession, actor: Actor, names: frozenset[str] | None
) -> list[UUID] | None:
    """The models that are searched, of those that the actor can see; None where they are many."""
    statement = select(Model.id).where(Model.deleted_at.is_(None), visible(actor, Model.name))
    named = names if names is not None else _exact(actor)
    if named is not None:
        statement = statement.where(Model.name == any_(literal(sorted(named), ARRAY(Text))))
    found = list((await session.execute(statement.limit(FEW_MODELS + 1))).scalars())
    return found if len(found) <= FEW_MODELS else None


def _exact(actor: Actor) -> frozenset[str] | None:
    """The names of the only models that an actor may see, where no glob of theirs is open."""
    granted, narrowed = actor.visible_models
    for globs in (narrowed, granted):
        if globs is not None and not any(sign in glob for glob in globs for sign in "*?"):
            return frozenset(globs)
    return None


async def count(session: AsyncSession, leads: Sequence[Lead], model_id: UUID | None) -> list[int]:
    """How many facts each lead leads to, at most one more than are few."""
    counts = [access.count(lead, model_id, FEW_FOUND + 1) for lead in leads]
    row = (await session.execute(select(*counts))).one()
    return list(row)


async def page(
    session: AsyncSession, wanted: Wanted, ids: Any
) -> list[tuple[Shown, tuple[Any, ...]]]:
    """The versions of a page with their sort keys."""
    rows = await session.execute(whole(wanted, ids))
    width = len(Shown._fields)
    return [(Shown(*row[:width]), tuple(row[width:])) for row in rows]


def whole(wanted: Wanted, ids: Any) -> Any:
    """The statement of a page: what is shown of the versions that `ids` names."""
    return _of_page(shown.COLUMNS, wanted, ids, with_model=True)


def _of_page(columns: Sequence[Any], wanted: Wanted, ids: Any, *, with_model: bool = False) -> Any:
    """The page is named first, and so is read first: it leads to its few versions."""
    keys = keys_of(wanted)
    found = ids.cte("page")
    source: Any = join(found, Version, Version.id == found.c.id)
    if with_model:
        source = source.join(Model, Model.id == Version.model_id)
    placed = [found.c[f"key_{at}"] for at in range(len(keys))]
    return select(*columns, *placed).select_from(source).order_by(*ordered(found, keys))


async def narrow_page(
    session: AsyncSession, wanted: Wanted, ids: Any
) -> list[tuple[tuple[UUID, int], tuple[Any, ...]]]:
    """The ids and revisions of the versions of a page, with their sort keys."""
    rows = await session.execute(narrow(wanted, ids))
    return [((row[0], row[1]), tuple(row[2:])) for row in rows]


def narrow(wanted: Wanted, ids: Any) -> Any:
    """The statement of a page of which nothing is read but where each version is."""
    return _of_page((Version.id, Version.revision), wanted, ids)


def leads_to_few(counts: Sequence[int] | None) -> bool:
    """Whether one of the leads leads to few versions."""
    return bool(counts) and min(counts or []) <= FEW_FOUND


def is_in_order(wanted: Wanted, lead: Lead) -> bool:
    """Whether what a lead leads to lies in the order of the page, and so need not be counted."""
    if wanted.is_plain:
        return lead.is_one
    order = wanted.by_number
    return order is not None and span([lead], fact_name(order.field)) is not None


def way(
    wanted: Wanted, leads: Sequence[Lead], counts: Sequence[int] | None, model_id: Any | None
) -> Any:
    """The ids and sort keys of a page, by the way that reads least."""
    if counts and leads_to_few(counts):
        fewest = min(range(len(leads)), key=counts.__getitem__)
        return access.among(wanted, leads[fewest], model_id)
    order = wanted.by_number
    if order is not None:
        limits = span(leads, fact_name(order.field))
        return access.by_number(wanted, order, limits, model_id)
    one = [lead for lead in leads if lead.is_one]
    if wanted.is_plain and one:
        return access.by_one_value(wanted, one[0], model_id)
    return access.scan(wanted, model_id)


def span(leads: Sequence[Lead], name: str | None) -> Range | None:
    """Between which numbers the filter wants this field, if it does."""
    for lead in leads:
        first = lead.ranges[0]
        if len(lead.ranges) == 1 and first.name == name and first.text is None:
            return first
    return None


def in_each(wanted: Wanted, leads: Sequence[Lead], model_ids: Sequence[UUID]) -> Any:
    """The same from a few models: the first rows of each, and the first of those."""
    listed = (
        func.unnest(literal(list(model_ids), ARRAY(Uuid))).table_valued("id").render_derived("one")
    )
    its_id: Any = literal_column("one.id", Uuid())
    order = wanted.by_number
    limits = None if order is None else span(leads, fact_name(order.field))
    rows = (
        access.scan(wanted, its_id)
        if order is None
        else access.by_number(wanted, order, limits, its_id)
    ).lateral("rows")
    found = select(rows).select_from(listed).join(rows, true())
    return found.order_by(*ordered(rows, keys_of(wanted))).limit(wanted.rows)
