"""Every SELECT on tensors."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import any_, column, func, literal, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.tables import Blob
from app.core.db import Sha256
from app.tensors.tables import TensorHeader, TensorRow

# A room above has the table, so it is only named here.
_FILES = table("version_files", column("sha256", Sha256), column("path"))
NAMES_TOLD = 200


def _one_of(sha256: Any, digests: Collection[str]) -> Any:
    return sha256 == any_(literal(sorted(digests), ARRAY(Sha256)))


async def headers(session: AsyncSession, digests: Collection[str]) -> dict[str, TensorHeader]:
    """What is known of these blobs, by digest."""
    found = await session.execute(
        select(TensorHeader)
        .where(_one_of(TensorHeader.sha256, digests))
        .execution_options(populate_existing=True)
    )
    return {row.sha256: row for row in found.scalars()}


async def whole_size(session: AsyncSession, sha256: str) -> int | None:
    """The size of a blob that is whole as far as is known; None for any other."""
    found = await session.execute(
        select(Blob.size).where(
            Blob.sha256 == sha256, Blob.damage.is_(None), Blob.doomed_at.is_(None)
        )
    )
    return found.scalar_one_or_none()


async def in_order(session: AsyncSession, sha256: str) -> list[TensorRow]:
    """The tensors of a blob in the order of their bytes."""
    statement = (
        select(TensorRow)
        .where(TensorRow.sha256 == sha256)
        .order_by(TensorRow.start, TensorRow.stop, TensorRow.name)
    )
    return list((await session.execute(statement)).scalars())


async def page(
    session: AsyncSession, sha256: str, after: str | None, limit: int
) -> list[TensorRow]:
    """The tensors of a blob by name, and one more than `limit`."""
    statement = (
        select(TensorRow)
        .where(TensorRow.sha256 == sha256)
        .order_by(TensorRow.name)
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(TensorRow.name > after)
    return list((await session.execute(statement)).scalars())


async def unread(session: AsyncSession, limit: int) -> list[str]:
    """Blobs of files that say they are safetensors, and that nobody has read to the end."""
    statement = (
        select(_FILES.c.sha256)
        .distinct()
        .join(Blob, Blob.sha256 == _FILES.c.sha256)
        .outerjoin(TensorHeader, TensorHeader.sha256 == _FILES.c.sha256)
        .where(
            func.lower(_FILES.c.path).like(text("'%.safetensors'")),
            Blob.damage.is_(None),
            Blob.doomed_at.is_(None),
            func.coalesce(TensorHeader.status, "read") == "read",
            TensorHeader.hashed_at.is_(None),
        )
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


@dataclass(frozen=True, slots=True)
class Changed:
    """How many tensors changed in one way between two blobs, and the first of their names."""

    pair: int
    change: str
    count: int
    names: list[str]


_CHANGES = text(f"""
    select pairs.place, each.change, count(*), (array_agg(each.name order by each.name
        ))[1:{NAMES_TOLD}]
    from unnest(cast(:before as bytea[]), cast(:after as bytea[]))
        with ordinality as pairs (before, after, place)
    cross join lateral (
        select name, case
            when old.dtype is null then 'added'
            when new.dtype is null then 'gone'
            when old.dtype <> new.dtype or old.shape <> new.shape then 'reshaped'
            when old.digest is null or new.digest is null then 'unknown'
            when old.digest <> new.digest then 'changed'
            else 'same' end as change
        from (select * from tensors where sha256 = pairs.before) as old
        full join (select * from tensors where sha256 = pairs.after) as new using (name)
    ) as each
    group by pairs.place, each.change
    order by pairs.place, each.change
""")  # noqa: S608 (a number of our own)


async def changes(session: AsyncSession, pairs: Sequence[tuple[str, str]]) -> list[Changed]:
    """What of the tensors differs between the blobs of each pair, in one statement."""
    values = {
        "before": [bytes.fromhex(before) for before, _ in pairs],
        "after": [bytes.fromhex(after) for _, after in pairs],
    }
    found = await session.execute(_CHANGES, values)
    return [Changed(row[0] - 1, row[1], row[2], row[3]) for row in found]
