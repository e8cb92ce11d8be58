"""What the doctor says of settings that are easily forgotten."""

from typing import Any

import pytest

from app.core.settings import Settings
from app.doctor.findings import Findings
from app.doctor.settings import look_at_settings

HERE: dict[str, Any] = {"public_url": None, "host": "0.0.0.0"}
S3: dict[str, Any] = {"s3_bucket": "models", "s3_endpoint": "http://s3.internal:8333"}
SERVICE = "Links that the server signs begin with http://0.0.0.0:8000."
BUCKET = "Links that the server signs begin with http://s3.internal:8333."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (HERE, SERVICE),
        (HERE | {"host": "127.0.0.1"}, None),
        (HERE | {"public_url": "https://models.example.com"}, None),
        (HERE | S3, BUCKET),
        (S3 | {"public_url": "https://models.example.com"}, BUCKET),
        (HERE | S3 | {"s3_public_endpoint": "https://s3.example.com"}, None),
        (HERE | {"s3_bucket": "models"}, None),  # the cloud's address is the same for everybody
    ],
)
def test_where_links_lead_is_told_where_clients_may_not_reach_it(
    given: dict[str, Any], told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    look_at_settings(Settings(**given), Findings())
    notes = [line for line in capsys.readouterr().out.splitlines() if "Links" in line]
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]
