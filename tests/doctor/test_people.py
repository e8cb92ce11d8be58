"""What the doctor says of those who may come in."""

import pytest

from app.core.runtime import Runtime
from app.doctor.findings import Findings
from app.doctor.people import look_at_people
from tests.actors import Api, Team


async def told(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    found = Findings()
    await look_at_people(runtime, found)
    assert found.well
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if line.startswith("note")]


async def test_machines_that_nobody_answers_for_are_named(
    admin: Api, team: Team, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = await team.person("alice")
    await team.service("bot", alice)
    assert await told(runtime, capsys) == []
    await admin.patch("/identities/alice", {"disabled": True})
    (line,) = await told(runtime, capsys)
    assert "bot works on, but its owner alice is disabled" in line
    await admin.patch("/identities/bot", {"owner": "admin"})
    assert await told(runtime, capsys) == []


async def test_an_admin_who_cannot_come_in_is_told_how(
    admin: Api, team: Team, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = await team.token("admin", models=["churn"])
    reading = await team.token("admin", ["read"])
    mine = (await admin.get("/me")).json()["token"]["id"]
    await admin.delete(f"/tokens/{mine}")
    assert (await narrow.get("/me")).status_code == (await reading.get("/me")).status_code == 200
    (line,) = await told(runtime, capsys)
    assert "python -m app admin-token" in line
