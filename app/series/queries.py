"""Every SELECT on series and points, and the statements that add to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Double,
    Row,
    Select,
    Text,
    bindparam,
    func,
    literal,
    null,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.evaluations.tables import Evaluation
from app.series.rules import NewPoint, buckets_for
from app.series.tables import Point, Series
from app.stages.rules import NO_STAGE
from app.stages.service import stage_of
from app.versions.tables import Version

# New rows are not seen by the statement that inserts them: they come from its `returning`.
_NAMED = text("""
    with fresh as (
        insert into series (version_id, key) select :version, unnest(:keys)
        on conflict (version_id, key) do nothing returning id, key)
    select id, key from fresh
    union all select id, key from series where version_id = :version and key = any(:keys)
""").bindparams(bindparam("keys", type_=ARRAY(Text)))

_SENT = "unnest(:ids, :steps, :values, :times) as sent (series_id, step, value, at)"
_ADDED = text(f"""
    with added as (
        insert into series_points (series_id, step, value, at)
        select series_id, step, value, coalesce(at, clock_timestamp()) from {_SENT}
        on conflict (series_id, step) do nothing returning series_id, step, value),
    sums as (
        select series_id, count(*) as points, min(step) as first, max(step) as last,
            (max(array[step, value]))[2] as last_value, min(value) as least, max(value) as most
        from added group by series_id),
    summed as (
        update series set
            count = series.count + points,
            first_step = least(first_step, first),
            last_step = greatest(last_step, last),
            last_value = case when last_step > last then series.last_value
                else sums.last_value end,
            min = least(min, least), max = greatest(max, most), updated_at = clock_timestamp()
        from sums where series.id = sums.series_id)
    select series_id, points from sums
""")  # noqa: S608 - a constant
_DIFFERING = text(f"""
    select sent.series_id, sent.step, kept.value, sent.value from {_SENT}
    join series_points kept on kept.series_id = sent.series_id and kept.step = sent.step
    where kept.value <> sent.value order by sent.series_id, sent.step limit 1
""")  # noqa: S608 - a constant
_TYPES = {
    "ids": ARRAY(BigInteger),
    "steps": ARRAY(BigInteger),
    "values": ARRAY(Double),
    "times": ARRAY(DateTime(timezone=True)),
}
_ARRAYS = [bindparam(name, type_=kind) for name, kind in _TYPES.items()]
_ADDED, _DIFFERING = _ADDED.bindparams(*_ARRAYS), _DIFFERING.bindparams(*_ARRAYS)

# Of the points of a range, by rank in so many buckets of equal size, the lowest and the highest of
# each: of several equal ones the earliest. Arrays are compared element by element, and a step is
# exact as a float. The rows come in the order of the key, so that nothing is sorted or kept.
_EXTREMES = text("""
    with ranked as (
        select step, value, least(:buckets - 1,
            (row_number() over (order by step) - 1) * :buckets / :count) as bucket
        from series_points
        where series_id = :series and step > :first and step < :last),
    extremes as (
        select min(array[value, step]) as low, max(array[value, -step]) as high
        from ranked group by bucket),
    chosen as (
        select low[2]::bigint as step from extremes
        union select -high[2]::bigint from extremes
        union select unnest(array[:first, :last]))
    select step, value, at from chosen
    join series_points using (step) where series_id = :series order by step
""").bindparams(
    *(bindparam(name, type_=BigInteger) for name in ("series", "first", "last", "buckets", "count"))
)


@dataclass(frozen=True, slots=True)
class Span:
    """What lies in a range of steps: how many points, and the lowest and highest step."""

    count: int
    first: int | None
    last: int | None


async def named(session: AsyncSession, version_id: UUID, keys: list[str]) -> dict[str, int]:
    """The id of each series of a version, made where there was none."""
    rows = await session.execute(_NAMED, {"version": version_id, "keys": keys})
    return {key: row_id for row_id, key in rows}


def _columns(ids: dict[str, int], points: Sequence[NewPoint]) -> dict[str, list[object]]:
    return {
        "ids": [ids[point.key] for point in points],
        "steps": [point.step for point in points],
        "values": [point.value for point in points],
        "times": [point.at for point in points],
    }


async def add(
    session: AsyncSession, ids: dict[str, int], points: Sequence[NewPoint]
) -> dict[int, int]:
    """Add those points whose step is new, and count them in; how many of each series."""
    rows = await session.execute(_ADDED, _columns(ids, points))
    return {row.series_id: row.points for row in rows}


async def differing(
    session: AsyncSession, ids: dict[str, int], points: Sequence[NewPoint]
) -> tuple[int, int, float, float] | None:
    """(series, step, value kept, value sent) of a point that contradicts one that is kept."""
    row = (await session.execute(_DIFFERING, _columns(ids, points))).first()
    return None if row is None else (row[0], row[1], row[2], row[3])


async def totals(session: AsyncSession, version_id: UUID) -> tuple[int, int]:
    """How many series and how many points a version has."""
    statement = select(func.count(), func.coalesce(func.sum(Series.count), 0)).where(
        Series.version_id == version_id
    )
    series, points = (await session.execute(statement)).one()
    return series, int(points)


async def of_keys(session: AsyncSession, version_id: UUID, keys: list[str]) -> list[Series]:
    """These series of a version, by key, fresh."""
    statement = (
        select(Series)
        .where(Series.version_id == version_id, Series.key.in_(keys))
        .order_by(Series.key)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(statement)).scalars())


async def page(
    session: AsyncSession, version_id: UUID, *, after: str | None, limit: int
) -> list[Series]:
    """A version's series that have points, by key, and one more than `limit`."""
    statement = (
        select(Series)
        .where(Series.version_id == version_id, Series.count > 0)
        .order_by(Series.key)
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(Series.key > after)
    return list((await session.execute(statement)).scalars())


async def one(session: AsyncSession, version_id: UUID, key: str) -> Series | None:
    """The series of this key, if it has points."""
    statement = select(Series).where(
        Series.version_id == version_id, Series.key == key, Series.count > 0
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def span(session: AsyncSession, series_id: int, low: int, high: int) -> Span:
    """What lies between two steps, both included."""
    statement = select(func.count(), func.min(Point.step), func.max(Point.step)).where(
        Point.series_id == series_id, Point.step.between(low, high)
    )
    return Span(*(await session.execute(statement)).one())


async def points(
    session: AsyncSession, series_id: int, found: Span, most: int
) -> Sequence[Row[int, float, datetime]]:
    """The points of a span by step: all of them or, where these are more than `most`, the first,
    the last and the extremes between them."""
    buckets = buckets_for(most)
    if found.count > most and buckets:
        values = {"series": series_id, "first": found.first, "last": found.last}
        values |= {"buckets": buckets, "count": found.count}
        return (await session.execute(_EXTREMES, values)).all()
    statement = select(Point.step, Point.value, Point.at).where(Point.series_id == series_id)
    if found.count > most:
        statement = statement.where(Point.step.in_([found.first, found.last]))
    else:
        statement = statement.where(Point.step.between(found.first, found.last))
    return (await session.execute(statement.order_by(Point.step).limit(most))).all()


async def trend(
    session: AsyncSession, model_id: UUID, metric: str, *, after: int, limit: int
) -> Sequence[Row[Any]]:
    """A metric of a model's versions as their recipes say it, by number, and one more."""
    value = Version.metrics[metric]
    statement = (
        _of_model(model_id, after, limit)
        .add_columns(
            value.as_float().label("value"),
            null().label("stderr"),
            null().label("n"),
            Version.created_at.label("at"),
            null().label("sha256"),
        )
        .where(func.jsonb_typeof(value) == "number")
    )
    return (await session.execute(statement)).all()


async def trend_on_data(
    session: AsyncSession,
    model_id: UUID,
    metric: str,
    *,
    dataset: str | None,
    sha256: str | None,
    after: int,
    limit: int,
) -> Sequence[Row[Any]]:
    """A metric of a model's versions as it was last measured on this data, by number, and one more.
    Only reports on the data are read, however many versions there are."""
    reports = select(Evaluation).where(
        Evaluation.model_id == model_id, Evaluation.metrics.has_key(metric)
    )
    if dataset is not None:
        same = func.md5(Evaluation.dataset_name) == func.md5(literal(dataset, Text))
        reports = reports.where(same, Evaluation.dataset_name == dataset)
    if sha256 is not None:
        reports = reports.where(Evaluation.dataset_sha256 == sha256)
    latest = (
        reports.ext(distinct_on(Evaluation.version_id))
        .order_by(Evaluation.version_id, Evaluation.id.desc())
        .subquery("latest")
    )
    found = latest.c.metrics[metric]
    statement = (
        _of_model(model_id, after, limit)
        .add_columns(
            found["value"].as_float().label("value"),
            found["stderr"].as_float().label("stderr"),
            found["n"].as_integer().label("n"),
            latest.c.at,
            latest.c.dataset_sha256.label("sha256"),
        )
        .join(latest, latest.c.version_id == Version.id)
    )
    return (await session.execute(statement)).all()


def _of_model(model_id: UUID, after: int, limit: int) -> Select[int, str | None, str, str, bool]:
    return (
        select(
            Version.number,
            Version.name,
            Version.status,
            func.coalesce(stage_of(Version.id), NO_STAGE).label("stage"),
            Version.recalled.is_not(None).label("recalled"),
        )
        .where(Version.model_id == model_id, Version.deleted_at.is_(None), Version.number > after)
        .order_by(Version.number)
        .limit(limit + 1)
    )
