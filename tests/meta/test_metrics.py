"""What `/metrics` measures of the whole service, and whom it tells."""

from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.actors import Api, Team
from tests.factories import make_draft, make_model

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
NAMES = {
    "stageward_blobs",
    "stageward_blob_bytes",
    "stageward_blob_unreferenced_bytes",
    "stageward_blobs_damaged",
    "stageward_blob_oldest_check_age_seconds",
    "stageward_uploads",
}


async def gauges(api: Api) -> dict[str, float]:
    """What was measured, `name{status}` where it has one."""
    answer = await api.http.get("/metrics", headers={"Authorization": f"Bearer {api.token}"})
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        if family.name in NAMES
        for sample in family.samples
    }


async def test_an_empty_registry_measures_nothing(admin: Api) -> None:
    assert await gauges(admin) == {
        "stageward_blobs": 0,
        "stageward_blob_bytes": 0,
        "stageward_blob_unreferenced_bytes": 0,
        "stageward_blobs_damaged": 0,
        "stageward_blob_oldest_check_age_seconds": 0,
        "stageward_uploadsopen": 0,
        "stageward_uploadsreceived": 0,
    }


async def test_blobs_damage_and_uploads_are_measured(admin: Api, sql: Sql) -> None:
    await make_model(admin)
    declared = [{"path": f"{n}", "size": 5, "sha256": f"{n}" * 64} for n in range(3)]
    await make_draft(admin, files=declared)
    for name in ("a", "b", "c"):
        await admin.put(f"/models/churn/versions/1/files/{name}", content=name.encode() * 100)
    await admin.delete("/models/churn/versions/1/files/c")
    await sql.execute("update blobs set checked_at = now() - interval '1 day'")
    await sql.execute(
        "update blobs set damage = 'missing', checked_at = now() - interval '1 hour' "
        "where sha256 = sha256(%s)",
        [b"a" * 100],
    )
    await sql.execute("update uploads set status = 'received', received_at = now() where path='0'")
    found = await gauges(admin)
    assert 86_400 <= found.pop("stageward_blob_oldest_check_age_seconds") < 90_000
    assert found == {
        "stageward_blobs": 3,
        "stageward_blob_bytes": 300,
        "stageward_blob_unreferenced_bytes": 100,
        "stageward_blobs_damaged": 1,
        "stageward_uploadsopen": 2,
        "stageward_uploadsreceived": 1,
    }


async def test_the_totals_are_kept_from_those_who_may_send_bytes(admin: Api, team: Team) -> None:
    """They would move only where the bytes are new here."""
    monitor = await team.service("prometheus", owner=admin)
    assert len(await gauges(monitor)) == 7
    for role in ("reader", "contributor", "maintainer"):
        person = await team.person(role, role)
        assert await gauges(person) == {}
        narrowed = await team.token(role, models=["nothing-*"])
        assert await gauges(narrowed) == {}
    assert await gauges(await team.token("admin", scopes=["read", "write"])) == {}


async def test_the_server_tells_its_own_counts_when_the_database_is_slow_or_away(
    admin: Api, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await gauges(admin) != {}
    monkeypatch.setattr("app.meta.service.SECONDS", 0.2)
    async with sql.transaction():
        await sql.execute("lock table uploads")
        headers = {"Authorization": f"Bearer {admin.token}"}
        answer = await admin.http.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert "stageward_http_requests_total" in answer.text
    assert "stageward_blobs" not in answer.text
