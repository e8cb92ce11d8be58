"""The doctor says where events wait for their seals."""

import pytest

from app.core.runtime import Runtime
from app.doctor.findings import Findings
from app.doctor.record import look_at_record
from tests.actors import Api
from tests.seals.record import Sql, seal, tamper


async def test_events_that_wait_long_for_their_seals_are_told(
    admin: Api, runtime: Runtime, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Findings()
    await look_at_record(runtime, found)
    assert found.well  # they are young
    await tamper(sql, "update events set at = at - interval '1 hour'")
    await look_at_record(runtime, found)
    assert not found.well
    assert "python -m app worker" in capsys.readouterr().out
    found = Findings()
    await seal(runtime)
    await look_at_record(runtime, found)
    assert found.well
