"""Which data sets there are, and who used them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.pages import Page, bad_cursor, cut, decode_cursor, encode_cursor
from app.lineage.queries import datasets as queries
from app.lineage.queries.datasets import Wanted
from app.lineage.queries.places import Place
from app.lineage.schemas import DatasetOutput, DatasetVersionOutput, Roles
from app.lineage.service.showing import fields, roles, used

PRODUCTION = "production"


async def list_datasets(
    session: AsyncSession,
    actor: Actor,
    *,
    name: str | None,
    sha256: str | None,
    cursor: str | None,
    limit: int,
) -> Page[DatasetOutput]:
    """A page of the data sets that versions used which the actor can see, by name."""
    found = await queries.page(
        session, actor, name=name, sha256=sha256, after=_name_key(cursor), limit=limit
    )
    rows, more = cut(found, limit)
    keys = [row.data_key for row in rows]
    held = await queries.in_production(session, actor, keys, PRODUCTION) if keys else {}
    return Page(
        items=[_dataset(row, held.get(row.data_key, 0)) for row in rows],
        next_cursor=encode_cursor(rows[-1].begin, rows[-1].data_key) if more else None,
    )


def _dataset(row: Any, held: int) -> DatasetOutput:
    return DatasetOutput(
        name=row.name,
        version=row.version or None,
        sha256=row.sha256 or None,
        versions=row.versions,
        models=row.models,
        roles=Roles(train=row.train, validation=row.validation, test=row.test, other=row.other),
        in_production=held,
        first_used_at=row.first_used_at,
        last_used_at=row.last_used_at,
    )


def _name_key(cursor: str | None) -> tuple[str, UUID] | None:
    key = decode_cursor(cursor, 2)
    if key is None:
        return None
    try:
        return key[0], UUID(key[1])
    except ValueError as error:
        raise bad_cursor() from error


async def list_users(
    session: AsyncSession,
    actor: Actor,
    wanted: Wanted,
    *,
    stage: str | None,
    cursor: str | None,
    limit: int,
) -> Page[DatasetVersionOutput]:
    """A page of the versions that used a data set, newest first."""
    found = await queries.page_of_users(
        session, actor, wanted, stage=stage, after=_time_key(cursor), limit=limit
    )
    rows, more = cut(found, limit)
    last = encode_cursor(rows[-1].created_at.isoformat(), rows[-1].id) if more else None
    return Page(items=[_user(place, wanted) for place in rows], next_cursor=last)


def _user(place: Place, wanted: Wanted) -> DatasetVersionOutput:
    return DatasetVersionOutput(
        **fields(place),
        created_at=place.created_at,
        roles=roles(place, wanted),
        datasets=used(place, wanted),
    )


def _time_key(cursor: str | None) -> tuple[datetime, UUID] | None:
    key = decode_cursor(cursor, 2)
    if key is None:
        return None
    try:
        at, row_id = datetime.fromisoformat(key[0]), UUID(key[1])
    except ValueError as error:
        raise bad_cursor() from error
    if at.tzinfo is None:
        raise bad_cursor()
    return at, row_id
