"""Credentials in texts where nobody meant them to be."""

import pytest

from app.core.masking import masked
from app.tokens.rules import new_secret

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3VlciJ9.c2lnbmF0dXJlLW9mLWl0"


@pytest.mark.parametrize("credential", [new_secret(), JWT], ids=["ours", "an issuer's"])
def test_a_credential_is_cut_to_what_its_owner_knows_it_by(credential: str) -> None:
    told = masked(f"GET /api/v1/models/{credential}/versions twice: {credential}")
    assert credential[:8] in told
    assert credential[8:] not in told
    assert told.endswith(f"/versions twice: {credential[:8]}…")


@pytest.mark.parametrize(
    "text", ["swd_", "swd_short", "model-3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304", "eyJ.a.b"]
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
