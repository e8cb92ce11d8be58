"""Adding points, and reading curves."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.pages import Page, bad_cursor, cut, decode_cursor, encode_cursor
from app.core.problems import InvalidRequest, NotFound
from app.models.tables import Model
from app.series import queries, rules
from app.series.problems import PointDiffers, TooManyPoints
from app.series.rules import Contradiction, NewPoint
from app.series.schemas import (
    AddedOutput,
    CurveOutput,
    PointOutput,
    PointsInput,
    SeriesOutput,
    TrendOutput,
    TrendPoint,
)
from app.series.tables import Series
from app.versions import service as versions
from app.versions.service import VersionView
from app.versions.service.note import note
from app.versions.tables import Version


async def add(
    session: AsyncSession, actor: Actor, model: Model, version: Version, wanted: PointsInput
) -> AddedOutput:
    """Add points to a version, under its lock. What is there already with the same value stays;
    another value for a step is refused, and then nothing is added. Measuring is not writing: it
    makes nobody an author."""
    points = _distinct(wanted)
    version = await versions.lock_version(session, version.id)
    keys = sorted({point.key for point in points})
    ids = await queries.named(session, version.id, keys)
    by_id = {row_id: key for key, row_id in ids.items()}
    added = await queries.add(session, ids, points)
    total = sum(added.values())
    if total < len(points):
        await _check_repeated(session, ids, by_id, points)
    if total:
        await _check_room(session, model, version)
        counts = {by_id[row_id]: count for row_id, count in added.items()}
        note(session, actor, model, version, "version.series_added", **rules.told(counts))
    return AddedOutput(
        added=total,
        repeated=len(wanted.points) - total,
        series=[_series(row) for row in await queries.of_keys(session, version.id, keys)],
    )


def _distinct(wanted: PointsInput) -> list[NewPoint]:
    points = [NewPoint(p.key, p.step, p.value, p.time) for p in wanted.points]
    found = rules.distinct(points)
    if isinstance(found, Contradiction):
        point = points[found.second]
        raise InvalidRequest(
            "A step has two values.",
            errors=[
                {
                    "pointer": f"/points/{found.second}/value",
                    "detail": f"Step {point.step} of `{point.key}` is sent twice with different "
                    f"values: also at /points/{found.first}. Send one value for each step.",
                }
            ],
        )
    return found


async def _check_repeated(
    session: AsyncSession, ids: dict[str, int], by_id: dict[int, str], points: list[NewPoint]
) -> None:
    found = await queries.differing(session, ids, points)
    if found is not None:
        series_id, step, kept, sent = found
        raise PointDiffers(
            f"Points never change. Step {step} of `{by_id[series_id]}` is {kept!r} already, and "
            f"{sent!r} was sent. Use another key for another measurement."
        )


async def _check_room(session: AsyncSession, model: Model, version: Version) -> None:
    series, points = await queries.totals(session, version.id)
    where = f"Version {version.number} of `{model.name}`"
    if series > rules.MAX_KEYS:
        raise TooManyPoints(f"{where} may hold {rules.MAX_KEYS:,} series, and this would be more.")
    if points > rules.MAX_POINTS:
        raise TooManyPoints(
            f"{where} may hold {rules.MAX_POINTS:,} points, and these would be {points:,}. Log "
            "less often."
        )


async def list_series(
    session: AsyncSession, view: VersionView, *, cursor: str | None, limit: int
) -> Page[SeriesOutput]:
    """A page of a version's series, by key."""
    seen = decode_cursor(cursor, 1)
    after = None if seen is None else seen[0]
    found = await queries.page(session, view.version.id, after=after, limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[_series(row) for row in rows],
        next_cursor=encode_cursor(rows[-1].key) if more else None,
    )


async def curve(
    session: AsyncSession,
    view: VersionView,
    key: str,
    *,
    low: int | None,
    high: int | None,
    max_points: int,
) -> CurveOutput:
    """A curve, with at most so many of its points.

    Where there are more, the points between the first and the last are divided by rank into buckets
    of equal size, and of each the lowest and the highest are kept: what is called min-max
    downsampling, the first step of MinMaxLTTB (Donckt et al., 2023, arXiv:2305.00332). A spike is
    never lost, and every point is one that was sent."""
    series = await queries.one(session, view.version.id, key)
    if series is None:
        raise NotFound(
            f"Version {view.version.number} of `{view.model}` has no series `{key}`. Without "
            "`key`, this address lists those that it has."
        )
    start = series.first_step if low is None else low
    end = series.last_step if high is None else high
    if start is None or end is None:
        raise RuntimeError(f"series {series.id} has points and no steps")
    found = await queries.span(session, series.id, start, end)
    rows = await queries.points(session, series.id, found, max_points)
    return CurveOutput(
        **_series(series).model_dump(),
        points=[PointOutput(step=step, value=value, time=at) for step, value, at in rows],
        count_in_range=found.count,
        downsampled=found.count > max_points,
    )


async def trend(
    session: AsyncSession,
    model: Model,
    metric: str,
    *,
    dataset: str | None,
    sha256: str | None,
    cursor: str | None,
    limit: int,
) -> TrendOutput:
    """A metric over the versions of a model, by number: their own or, with a data set, the latest
    that was reported for each on that data."""
    after = _number(cursor)
    if dataset is None and sha256 is None:
        found = await queries.trend(session, model.id, metric, after=after, limit=limit)
    else:
        found = await queries.trend_on_data(
            session, model.id, metric, dataset=dataset, sha256=sha256, after=after, limit=limit
        )
    rows, more = cut(found, limit)
    return TrendOutput(
        key=metric,
        dataset=dataset,
        sha256=sha256,
        points=[TrendPoint.model_validate(row) for row in rows],
        digests_differ=len({row.sha256 for row in rows}) > 1,
        next_cursor=encode_cursor(rows[-1].number) if more else None,
    )


def _number(cursor: str | None) -> int:
    key = decode_cursor(cursor, 1)
    if key is not None and not (key[0].isascii() and key[0].isdigit() and len(key[0]) < 10):
        raise bad_cursor()
    return 0 if key is None else int(key[0])


def _series(row: Series) -> SeriesOutput:
    return SeriesOutput.model_validate(row)
