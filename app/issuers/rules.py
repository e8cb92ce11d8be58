"""What a token of an issuer must be to count: pure checks of plain values.

Nothing that a token says of itself chooses how it is checked: `alg` must be on the list and fit a
key that the issuer published, and a key or an address inside the token is not looked at.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.problems import Problem
from app.core.requests import parse_strictly
from app.issuers.problems import BadAssertion

MOST_BYTES = 16 * 1024
LEEWAY = 60
LONGEST_LIFE = 24 * 3600
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
MOST_RSA_EXPONENT = 2**32
TYPES = ("jwt", "at+jwt")
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")

# The algorithm → the kind of key, and its curve where it has one. No `none` and no HS*: a
# published key is no secret.
ALGORITHMS: dict[str, tuple[str, str | None]] = {
    **{f"{kind}{bits}": ("RSA", None) for kind in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
PUBLIC_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
PUBLIC_MEMBERS["OKP"] = ("kty", "crv", "x")

Jwk = Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Compact:
    """A token taken apart and not believed: what its parts say, and what was signed how."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def take_apart(token: str) -> Compact:
    """The parts of a compact JWS, or the problem. It proves nothing yet."""
    if len(token) > MOST_BYTES:
        raise BadAssertion(f"The token is too long: {MOST_BYTES // 1024} KiB at most.")
    parts = token.split(".")
    if len(parts) != 3 or not all(SEGMENT.fullmatch(part) for part in parts):
        raise BadAssertion(
            "This is not a signed JSON Web Token: three parts of base64url with dots between."
        )
    header, claims, signature = (_decoded(part) for part in parts)
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Compact(_object(header), _object(claims), signed, signature)


def _decoded(part: str) -> bytes:
    try:
        found = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadAssertion("A part of the token is not base64url.") from error
    # Another text of the same bytes would be another token to whoever compares texts.
    if base64.urlsafe_b64encode(found).rstrip(b"=") != part.encode():
        raise BadAssertion("A part of the token is not base64url.")
    return found


def _object(part: bytes) -> dict[str, Any]:
    try:
        found = parse_strictly(part)
    except Problem as problem:
        raise BadAssertion("A part of the token is not JSON that can be read.") from problem
    if not isinstance(found, dict):
        raise BadAssertion("A part of the token is not a JSON object.")
    return found


def check_header(header: Mapping[str, Any]) -> None:
    """Refuse a header that asks for something that is not done here."""
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise BadAssertion(
            f"The token's algorithm is not one that counts here: {', '.join(ALGORITHMS)}."
        )
    if "crit" in header or "b64" in header:
        raise BadAssertion("The token's header asks for an extension (`crit`); none is known here.")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES:
        raise BadAssertion("The token's `typ` is neither JWT nor at+jwt.")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or ("kid" in header and not kid):
        raise BadAssertion("The token's `kid` is not a text.")


def key_for(header: Mapping[str, Any], keys: Iterable[Jwk]) -> Jwk | None:
    """The one key that a checked header can mean: of its `kid` where it has one, and made for its
    algorithm. None where no key fits, or more than one."""
    kid = header.get("kid")
    fitting = [
        {member: key[member] for member in PUBLIC_MEMBERS[key["kty"]]}
        for key in keys
        if (kid is None or key.get("kid") == kid) and fits(key, header["alg"])
    ]
    different = [key for at, key in enumerate(fitting) if key not in fitting[:at]]
    return different[0] if len(different) == 1 else None


def fits(key: Jwk, alg: str) -> bool:
    """Whether a published key is there to check signatures of this algorithm with."""
    kind, curve = ALGORITHMS[alg]
    operations = key.get("key_ops")
    return (
        key.get("kty") == kind
        and all(isinstance(key.get(member), str) for member in PUBLIC_MEMBERS[kind])
        and (curve is None or key["crv"] == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and (kind != "RSA" or _is_strong(key))
    )


def _is_strong(key: Jwk) -> bool:
    try:
        modulus, exponent = (int.from_bytes(_decoded(key[member])) for member in ("n", "e"))
    except BadAssertion:
        return False
    bits = modulus.bit_length()
    return LEAST_RSA_BITS <= bits <= MOST_RSA_BITS and 3 <= exponent < MOST_RSA_EXPONENT


def check_claims(
    claims: Mapping[str, Any],
    *,
    now: float,
    issuer: str,
    audiences: Collection[str],
    nonce: str | None = None,
) -> None:
    """Refuse a signed token that is not from this issuer, for one of these audiences and now."""
    if claims.get("iss") != issuer:
        raise BadAssertion("The token's issuer (`iss`) is not the one that is expected here.")
    _check_audience(claims, audiences)
    _check_times(claims, now)
    if nonce is not None and not hmac.compare_digest(
        str(claims.get("nonce")).encode(), nonce.encode()
    ):
        raise BadAssertion("The token's `nonce` is not the one of this sign-in.")


def audiences_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """For whom a token is: `aud`, a text or a list of texts."""
    found = claims.get("aud")
    listed = found if isinstance(found, list) else [found]
    texts = tuple(one for one in listed if isinstance(one, str))
    return texts if len(texts) == len(listed) else ()


def _check_audience(claims: Mapping[str, Any], audiences: Collection[str]) -> None:
    named = audiences_of(claims)
    if not any(one in audiences for one in named):
        raise BadAssertion(
            "The token is for another audience (`aud`). Ask the issuer for one for this server."
        )
    # Of several that could use it, the one that it was issued to must be the one expected here.
    if len(named) > 1 and claims.get("azp") not in audiences:
        raise BadAssertion("The token has several audiences and was issued to another one (`azp`).")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    ends, issued = _time(claims, "exp"), _time(claims, "iat")
    if ends <= now - LEEWAY:
        raise BadAssertion("The token has expired (`exp`). Ask the issuer for a fresh one.")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if max(begins, issued) > now + LEEWAY:
        raise BadAssertion(
            "The token is of the future (`iat` or `nbf`): the clocks of the issuer and of this "
            "server differ by more than a minute."
        )
    if not 0 < ends - issued <= LONGEST_LIFE:
        raise BadAssertion(f"The token lives longer than {LONGEST_LIFE // 3600} hours, or not.")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise BadAssertion(f"The token has no `{name}`, or it is not a time in seconds.")
    return float(value)
