"""Checking a signature with a published key: the one place that uses the library for it."""

from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from app.issuers.rules import Compact, Jwk

KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
# The library knows the one EdDSA that counts here by the name of its curve.
NAMES = {"EdDSA": "Ed25519"}


def is_signed(token: Compact, key: Jwk) -> bool:
    """Whether the key's owner signed the token, whose header was checked and fits the key."""
    name = token.header["alg"]
    algorithm = JWSRegistry.algorithms[NAMES.get(name, name)]
    try:
        public = KINDS[key["kty"]].import_key(cast("Any", dict(key)))
        algorithm.check_key(public)
        return algorithm.verify(token.signed, token.signature, public)
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return False  # a key that is none: not on its curve, not of its length
