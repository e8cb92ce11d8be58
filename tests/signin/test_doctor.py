"""What the doctor says of the provider."""

import dataclasses

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.doctor.findings import Findings
from app.doctor.signin import look_at_sign_in
from app.issuers.service import Issuers


async def told(
    runtime: Runtime, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> tuple[bool, str]:
    found, issuers = Findings(), Issuers()
    own = dataclasses.replace(runtime, settings=settings, issuers=issuers)
    await look_at_sign_in(own, settings, found)
    await issuers.close()
    return found.well, capsys.readouterr().out


async def test_the_redirect_uri_to_register_is_told(
    runtime: Runtime, oidc: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    well, said = await told(runtime, oidc, capsys)
    assert well
    assert "http://test/api/v1/auth/callback" in said
    assert "PKCE" not in said


async def test_what_the_provider_does_not_list_is_noted(
    runtime: Runtime, oidc: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = {"oidc_scopes": "openid teams", "oidc_groups_claim": "roles"}
    well, said = await told(runtime, oidc.model_copy(update=changed), capsys)
    assert well
    assert "the scopes teams" in said
    assert "roles" in said


async def test_a_provider_that_is_away_is_wrong_and_none_is_fine(
    runtime: Runtime, oidc: Settings, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    away = oidc.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    well, said = await told(runtime, away, capsys)
    assert not well
    assert "http://127.0.0.1:9" in said
    assert await told(runtime, settings, capsys) == (True, "")
