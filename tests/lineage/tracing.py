"""What people do to trace data and parents, as plain functions."""

from typing import Any
from urllib.parse import quote

import psycopg

from tests.actors import Api
from tests.factories import make_ready

Sql = psycopg.AsyncConnection[tuple[object, ...]]
A, B = "aa" * 32, "bb" * 32


def data(name: str, sha256: str | None = None, role: str = "train", **more: Any) -> dict[str, Any]:
    return {"name": name, "role": role, **({"sha256": sha256} if sha256 else {}), **more}


async def made(
    api: Api, model: str, *parents: tuple[str, int], datasets: list[dict[str, Any]] | None = None
) -> int:
    """A ready version with these parents and data; its number."""
    named = [{"model": name, "version": number} for name, number in parents]
    found = await make_ready(
        api, model, parents=named, datasets=datasets or [], description="What changed."
    )
    return int(found["number"])


async def lineage(api: Api, model: str, ref: int | str, **query: Any) -> dict[str, Any]:
    found = await api.get(f"/models/{model}/versions/{ref}/lineage", params=query)
    assert found.status_code == 200, found.text
    return dict(found.json())


async def datasets(api: Api, **query: Any) -> list[dict[str, Any]]:
    found = await api.get("/datasets", params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


async def users(api: Api, name: str, **query: Any) -> list[dict[str, Any]]:
    found = await api.get(f"/datasets/{quote(name, safe='')}/versions", params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


async def impact(api: Api, **query: Any) -> dict[str, Any]:
    found = await api.get("/impact", params=query)
    assert found.status_code == 200, found.text
    return dict(found.json())


def named(found: list[dict[str, Any]]) -> list[str]:
    return [f"{each['model']}/{each['number']}" for each in found]


def nodes(found: dict[str, Any], kind: str = "version") -> set[str]:
    return {each["id"].partition(":")[2] for each in found["nodes"] if each["kind"] == kind}


def edges(found: dict[str, Any], kind: str = "parent") -> set[tuple[str, str]]:
    return {
        (each["from"].partition(":")[2], each["to"].partition(":")[2])
        for each in found["edges"]
        if each["kind"] == kind
    }


async def have_children(sql: Sql, count: int, parent: int = 1) -> None:
    """So many versions made from one of `churn`, past the application."""
    await sql.execute(
        "with fresh as (insert into versions (id, model_id, number, created_by_id, created_by) "
        "select gen_random_uuid(), v.model_id, 1000000 + i, v.created_by_id, 'x' "
        "from versions v join models m on m.id = v.model_id, generate_series(1, %s) i "
        "where m.name = 'churn' and v.number = %s returning id, model_id) "
        "insert into version_parents select fresh.id, v.id, 0 from fresh "
        "join versions v on v.model_id = fresh.model_id and v.number = %s",
        [count, parent, parent],
    )
