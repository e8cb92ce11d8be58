"""The keys of checkpoints: where they come from, and that the private one is shown nowhere."""

import base64
import hashlib

import pytest
from pydantic import SecretStr, ValidationError

from app.core.settings import Settings
from app.seals.keys import signer, trusted

SECRET = "a-secret-key-for-tests-0123456789"
SEAL_KEY = base64.b64encode(b"k" * 32).decode()


def test_a_key_of_its_own_counts_and_else_one_follows_from_the_signing_key() -> None:
    derived = signer(Settings(secret_key=SecretStr(SECRET)))
    again = signer(Settings(secret_key=SecretStr(SECRET)))
    own = signer(Settings(secret_key=SecretStr(SECRET), seal_key=SecretStr(SEAL_KEY)))
    assert derived.public.id == again.public.id != own.public.id
    assert derived.public.signed(b"x", again.sign(b"x"))
    assert not own.public.signed(b"x", derived.sign(b"x"))
    assert not own.public.signed(b"y", own.sign(b"x"))
    raw = base64.b64decode(own.public.text)
    assert own.public.id == hashlib.sha256(raw).hexdigest()[:16]


@pytest.mark.parametrize("key", ["short", "a" * 44, "ä" * 44, SEAL_KEY + "=", "c2hvcnQ="])
@pytest.mark.parametrize("name", ["seal_key", "seal_old_keys"])
def test_a_key_that_is_none_is_refused_and_not_repeated(name: str, key: str) -> None:
    with pytest.raises(ValidationError, match="openssl rand -base64 32") as caught:
        Settings(**{name: key})  # type: ignore[arg-type]
    assert key not in str(caught.value)


def test_the_private_key_is_shown_nowhere() -> None:
    settings = Settings(seal_key=SecretStr(SEAL_KEY))
    made = signer(settings)
    shown = [repr(settings), str(settings), repr(made), repr(vars(made)), repr(trusted(settings))]
    assert not any(SEAL_KEY in text or "kkkk" in text for text in shown)
