"""The keys of checkpoints: one to sign with, and those whose signatures count."""

import base64
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.settings import Settings, raw_key

INFO = b"stageward seals"


class PublicKey:
    """A key that tells whether a signature is good."""

    def __init__(self, raw: bytes) -> None:
        """`raw` are its 32 bytes."""
        self.text = base64.b64encode(raw).decode()
        self.id = hashlib.sha256(raw).hexdigest()[:16]
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def signed(self, statement: bytes, signature: bytes) -> bool:
        """Whether the signature is of this statement."""
        try:
            self._key.verify(signature, statement)
        except InvalidSignature:
            return False
        return True


class Signer:
    """The private key of this service. It is shown nowhere."""

    def __init__(self, raw: bytes) -> None:
        """`raw` are its 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, statement: bytes) -> bytes:
        """The signature of a statement."""
        return self._key.sign(statement)


class Keys:
    """The public keys to trust, by their ids."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        """The first is the one in use."""
        self.all = list(keys)
        self._by_id = {key.id: key for key in self.all}

    def signed(self, key_id: str, statement: bytes, signature: bytes) -> bool | None:
        """Whether a signature is good; None where no key bears this id."""
        key = self._by_id.get(key_id)
        return None if key is None else key.signed(statement, signature)


def signer(settings: Settings) -> Signer:
    """The key to sign with: the operator's, or one that follows from the signing key."""
    if settings.seal_key is not None:
        return Signer(raw_key(settings.seal_key.get_secret_value()))
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=INFO)
    return Signer(derived.derive(settings.signing_key))


def trusted(settings: Settings) -> Keys:
    """The key in use, and those of earlier checkpoints."""
    old = [PublicKey(raw_key(text)) for text in settings.seal_old_keys.split(",") if text.strip()]
    return Keys([signer(settings).public, *old])
