"""What a training script does with curves, as plain functions."""

from typing import Any

import httpx
import psycopg

from tests.actors import Api
from tests.promotions.acting import VERSIONS

Sql = psycopg.AsyncConnection[tuple[object, ...]]
SERIES = f"{VERSIONS}/1/series"


def points(key: str, *values: float, start: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "step": start + i, "value": value} for i, value in enumerate(values)]


async def log(api: Api, wanted: list[dict[str, Any]], path: str = SERIES) -> httpx.Response:
    return await api.post(path, {"points": wanted})


async def logged(api: Api, wanted: list[dict[str, Any]], path: str = SERIES) -> dict[str, Any]:
    made = await log(api, wanted, path)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def curve(api: Api, key: str, path: str = SERIES, **query: Any) -> dict[str, Any]:
    found = await api.get(path, params={"key": key, **query})
    assert found.status_code == 200, found.text
    return dict(found.json())


async def listed(api: Api, path: str = SERIES, **query: Any) -> list[dict[str, Any]]:
    found = await api.get(path, params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


def pairs(found: dict[str, Any]) -> list[tuple[int, float]]:
    return [(point["step"], point["value"]) for point in found["points"]]


async def fill(sql: Sql, key: str, count: int, value: str = "random()") -> None:
    """Give a series so many points, past the application."""
    await sql.execute(
        "insert into series_points select id, step, (" + value + "), now() "
        "from series, generate_series(0, %s - 1) step where key = %s "
        "on conflict do nothing",
        [count, key],
    )
    await sql.execute(
        "update series set (count, first_step, last_step, min, max) = (select count(*), min(step), "
        "max(step), min(value), max(value) from series_points where series_id = series.id) "
        "where key = %s",
        [key],
    )
