"""Tokens of an issuer: each way in which one does not count."""

import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from app.issuers import rules
from app.issuers.service import BadAssertion, Issuers
from tests.oidc.issuer import AUDIENCE, Issuer, Key, base64url, compact

MAKERS: dict[str, Any] = {
    **dict.fromkeys(
        ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), lambda: RSAKey.generate_key(2048)
    ),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES512": lambda: ECKey.generate_key("P-521"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


async def refused(issuers: Issuers, issuer: Issuer, token: str, why: str) -> None:
    """It does not count, for this reason, and nothing of it is in what is said."""
    with pytest.raises(BadAssertion, match=why) as caught:
        await issuers.verify(token, issuer.url, AUDIENCE)
    for part in token.split("."):
        assert len(part) < 8 or part not in caught.value.detail


@pytest.mark.parametrize("alg", rules.ALGORITHMS)
async def test_every_algorithm_on_the_list_works(
    issuers: Issuers, issuer: Issuer, alg: str
) -> None:
    issuer.add("of this kind", MAKERS[alg]())
    claims = await issuers.verify(issuer.token(alg=alg, a=1), issuer.url, AUDIENCE)
    assert claims["a"] == 1
    forged = issuer.token(alg=alg).split(".")
    forged[2] = issuer.token(alg=alg).split(".")[2]
    await refused(issuers, issuer, ".".join(forged), "No key")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_secret(issuers: Issuers, issuer: Issuer, alg: str) -> None:
    """Algorithm confusion: HS256 keyed with what the issuer publishes, in each form of it."""
    assert isinstance(issuer.key, RSAKey)
    published = [
        issuer.key.as_pem(private=False),
        issuer.key.as_der(private=False),
        json.dumps(issuer.key.as_dict(private=False)).encode(),
    ]
    for secret in published:
        signed = f"{base64url({'alg': alg, 'kid': 'first'})}.{base64url(issuer.claims())}"
        keyed = hmac.digest(secret, signed.encode(), f"sha{alg[2:]}")
        await refused(issuers, issuer, f"{signed}.{base64url(keyed)}", "algorithm")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], "RS1"])
async def test_a_token_without_a_signature_that_counts_is_refused(
    issuers: Issuers, issuer: Issuer, alg: object
) -> None:
    header = {"alg": alg, "kid": "first"}
    unsigned = compact(header, issuer.claims(), None)
    await refused(issuers, issuer, unsigned, "three parts")
    await refused(issuers, issuer, unsigned + "AAAA", "algorithm")
    assert issuer.asked() == 0


async def test_an_algorithm_must_fit_the_kind_of_the_key(issuers: Issuers, issuer: Issuer) -> None:
    p256 = issuer.add("ec", ECKey.generate_key("P-256"))
    await refused(issuers, issuer, compact_by(issuer, "RS256", "ec", p256, "ES256"), "No key")
    await refused(issuers, issuer, compact_by(issuer, "ES384", "ec", p256, "ES256"), "No key")
    rsa = issuer.add("for RS512", RSAKey.generate_key(2048), alg="RS512")
    await refused(issuers, issuer, compact_by(issuer, "RS256", "for RS512", rsa), "No key")
    assert await issuers.verify(issuer.token(alg="RS512"), issuer.url, AUDIENCE)


def compact_by(issuer: Issuer, alg: str, kid: str, key: Key, how: str | None = None) -> str:
    return compact({"alg": alg, "kid": kid}, issuer.claims(), key, how)


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"kty": "oct"}]
)
async def test_a_key_for_something_else_signs_nothing(
    issuers: Issuers, issuer: Issuer, members: dict[str, Any]
) -> None:
    issuer.add("other", RSAKey.generate_key(2048), **members)
    await refused(issuers, issuer, issuer.token(), "No key")


@pytest.mark.filterwarnings("ignore:Key size")
async def test_a_weak_key_does_not_count(issuers: Issuers, issuer: Issuer) -> None:
    issuer.add("weak", RSAKey.generate_key(1024))
    await refused(issuers, issuer, issuer.token(), "No key")


async def test_a_key_that_is_none_is_passed_over(issuers: Issuers, issuer: Issuer) -> None:
    issuer.add("off", ECKey.generate_key("P-256"), x=base64url(b"\x01" * 32))
    await refused(issuers, issuer, issuer.token(alg="ES256"), "No key")
    issuer.add("short", OKPKey.generate_key("Ed25519"), x="AAAA")
    await refused(issuers, issuer, issuer.token(alg="EdDSA"), "No key")
    issuer.add("good", RSAKey.generate_key(2048))
    assert await issuers.verify(issuer.token(), issuer.url, AUDIENCE)


async def test_another_issuers_key_does_not_count(issuers: Issuers, issuer: Issuer) -> None:
    other = RSAKey.generate_key(2048)
    await refused(issuers, issuer, compact_by(issuer, "RS256", "first", other), "No key")
    await refused(issuers, issuer, compact_by(issuer, "RS256", "unknown", other), "No key")


@pytest.mark.parametrize("member", ["jku", "x5u"])
async def test_an_address_in_the_header_is_never_asked(
    issuers: Issuers, issuer: Issuer, member: str
) -> None:
    own = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "kid": "mine", member: issuer.url + "/mine"}
    await refused(issuers, issuer, compact(header, issuer.claims(), own), "No key")
    assert issuer.asked("/mine") == 0
    told = issuer.token(header={member: issuer.url + "/mine"})
    assert await issuers.verify(told, issuer.url, AUDIENCE)
    assert issuer.asked("/mine") == 0


async def test_a_key_in_the_header_is_not_used(issuers: Issuers, issuer: Issuer) -> None:
    own = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "jwk": own.as_dict(private=False)}
    await refused(issuers, issuer, compact(header, issuer.claims(), own), "No key")


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"crit": ["exp"]}, "extension"),
        ({"crit": []}, "extension"),
        ({"b64": False, "crit": ["b64"]}, "extension"),
        ({"typ": "logout+jwt"}, "typ"),
        ({"typ": 5}, "typ"),
        ({"kid": 5}, "kid"),
        ({"kid": ""}, "kid"),
    ],
)
async def test_a_header_that_asks_for_more_is_refused(
    issuers: Issuers, issuer: Issuer, header: dict[str, Any], why: str
) -> None:
    await refused(issuers, issuer, issuer.token(header=header), why)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", None])
async def test_the_types_of_tokens_that_count(
    issuers: Issuers, issuer: Issuer, typ: str | None
) -> None:
    assert await issuers.verify(issuer.token(header={"typ": typ}), issuer.url, AUDIENCE)


@dataclass(frozen=True)
class Now:
    """So many seconds from when the test runs, which may be long after it was collected."""

    off: float


def as_of_now(claims: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {
        name: now + value.off if isinstance(value, Now) else value for name, value in claims.items()
    }


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": Now(-61), "iat": Now(-300)}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": Now(3600), "exp": Now(7200)}, "future"),
        ({"nbf": Now(3600)}, "future"),
        ({"nbf": "now"}, "nbf"),
        ({"exp": Now(90_000)}, "longer than 24 hours"),
        ({"iat": Now(30), "nbf": None, "exp": Now(20)}, "longer than 24 hours, or not"),
        ({"aud": "http://elsewhere"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": [AUDIENCE, 5]}, "audience"),
        ({"aud": {AUDIENCE: 1}}, "audience"),
        ({"aud": AUDIENCE + "/"}, "audience"),
        ({"aud": [AUDIENCE, "http://elsewhere"]}, "azp"),
        ({"aud": [AUDIENCE, "http://elsewhere"], "azp": "http://elsewhere"}, "azp"),
        ({"iss": "http://elsewhere"}, "issuer"),
        ({"iss": None}, "issuer"),
    ],
)
async def test_claims_that_do_not_count(
    issuers: Issuers, issuer: Issuer, claims: dict[str, Any], why: str
) -> None:
    await refused(issuers, issuer, issuer.token(**as_of_now(claims)), why)
    assert issuer.asked() == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": Now(-30), "iat": Now(-300)},
        {"nbf": Now(30), "iat": Now(30)},
        {"nbf": None},
        {"exp": Now(300.5)},
        {"aud": [AUDIENCE]},
        {"aud": ["http://elsewhere", AUDIENCE], "azp": AUDIENCE},
    ],
)
async def test_claims_that_count(issuers: Issuers, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert await issuers.verify(issuer.token(**as_of_now(claims)), issuer.url, AUDIENCE)


async def test_a_nonce_is_compared_where_one_is_expected(issuers: Issuers, issuer: Issuer) -> None:
    assert await issuers.verify(issuer.token(nonce="n"), issuer.url, AUDIENCE, nonce="n")
    for token in (issuer.token(nonce="m"), issuer.token()):
        with pytest.raises(BadAssertion, match="nonce"):
            await issuers.verify(token, issuer.url, AUDIENCE, nonce="n")


async def test_a_huge_token_is_not_looked_at(issuers: Issuers, issuer: Issuer) -> None:
    await refused(issuers, issuer, issuer.token(much="x" * rules.MOST_BYTES), "too long")
    await refused(issuers, issuer, "x" * 5_000_000, "too long")
    assert issuer.asked() == 0


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "..", "a.b.c.d", "e30.e30.é", "e30.e30.AB=", "e30.e30.A", "e30.e30.AB", "[]"],
)
async def test_what_is_no_token_is_refused(issuers: Issuers, issuer: Issuer, token: str) -> None:
    with pytest.raises(BadAssertion):
        await issuers.verify(token, issuer.url, AUDIENCE)


@pytest.mark.parametrize("part", [b"[]", b"5", b'{"alg": "RS256", "alg": "RS256"}', b"\xff", b"{"])
async def test_a_part_that_is_no_plain_object_is_refused(
    issuers: Issuers, issuer: Issuer, part: bytes
) -> None:
    good = issuer.token().split(".")
    await refused(issuers, issuer, ".".join([base64url(part), *good[1:]]), "A part")
    await refused(issuers, issuer, ".".join([good[0], base64url(part), good[2]]), "A part")


async def test_without_a_kid_exactly_one_key_must_fit(issuers: Issuers, issuer: Issuer) -> None:
    issuer.add("ec", ECKey.generate_key("P-256"))
    assert await issuers.verify(
        issuer.token(alg="ES256", header={"kid": None}), issuer.url, AUDIENCE
    )
    issuer.add("second", RSAKey.generate_key(2048))
    await refused(issuers, issuer, issuer.token(header={"kid": None}), "No key")


async def test_a_kid_that_two_keys_have_means_neither(issuers: Issuers, issuer: Issuer) -> None:
    issuer.add("twice", RSAKey.generate_key(2048))
    assert await issuers.verify(issuer.token(), issuer.url, AUDIENCE)
    issuer.add("twice", ECKey.generate_key("P-256"))  # of another kind: no doubt which is meant
    assert await issuers.verify(issuer.token(alg="ES256"), issuer.url, AUDIENCE)
    issuer.add("twice", RSAKey.generate_key(2048))
    await refused(issuers, issuer, issuer.token(), "No key")
