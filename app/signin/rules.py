"""Who may ask for a sign-in and what for, and who somebody is whom the provider names: pure
decisions. Everything that a browser brings is taken to be hostile."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from app.core.actor import Scope

TERMINAL, DOCS = "stageward-cli", "stageward-docs"
DOCS_PATH = "/docs/signed-in"
USUAL_SCOPES = (Scope.READ, Scope.WRITE, Scope.REVIEW)
MOST_STATE = 512
MOST_GROUPS = 5000

# Written out and matched whole, not parsed: no user, no query, no fragment, no other spelling of
# the host, nothing that a browser reads in another way than we do.
_LOOPBACK = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}){0,400})?"
)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_BEARER = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_UNSPEAKABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]+")  # of an error_description
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")
# What of the provider's errors is passed on; any other is our side's (`server_error`).
PASSED_ON = frozenset(
    {"access_denied", "temporarily_unavailable", "login_required", "consent_required"}
)


class Refusal(Exception):
    """An OAuth error: its code, and a sentence for whoever reads it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def may_redirect(client_id: str | None, redirect_uri: str | None, base_url: str) -> bool:
    """Whether this client may be answered at this address: a program on the person's own machine
    at any port, our own pages at exactly one."""
    if redirect_uri is None:
        return False
    if client_of(redirect_uri, base_url) == DOCS:
        return client_id == DOCS and redirect_uri == base_url + DOCS_PATH
    found = _LOOPBACK.fullmatch(redirect_uri)
    port = int(found["port"] or 80) if found else 0
    return client_id == TERMINAL and 1 <= port <= 65535


def client_of(redirect_uri: str, base_url: str) -> str:
    """The client that was answered at this address. Our own page may be on loopback as well."""
    is_own = redirect_uri == base_url + DOCS_PATH
    return TERMINAL if _LOOPBACK.fullmatch(redirect_uri) and not is_own else DOCS


def scopes_asked(text: str | None) -> list[str]:
    """The scopes of a request; those of daily work where it names none."""
    wanted = set((text or "").split(" ")) - {""} or set(USUAL_SCOPES)
    if unknown := wanted - set(Scope):
        known = ", ".join(Scope)
        raise Refusal("invalid_scope", f"{min(unknown)[:50]} is no scope. There are: {known}.")
    return sorted(wanted)


def check_request(asked: Mapping[str, str]) -> None:
    """Refuse a request that asks for another flow, or whose answer nobody could be held to."""
    if asked.get("response_type") != "code":
        raise Refusal("unsupported_response_type", "Only response_type=code is answered.")
    if asked.get("code_challenge_method") != "S256":
        raise Refusal("invalid_request", "PKCE is needed: code_challenge_method=S256.")
    if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise Refusal(
            "invalid_request",
            "code_challenge must be the SHA-256 of the verifier in base64url: 43 characters.",
        )
    state = asked.get("state", "")
    if len(state) > MOST_STATE or not _PRINTABLE.fullmatch(state):
        raise Refusal("invalid_request", f"state may have {MOST_STATE} ASCII characters at most.")


def echoed(state: str | None) -> str | None:
    """The state of a request as it may be sent back with an error, if it may."""
    return state if state and len(state) <= MOST_STATE and _PRINTABLE.fullmatch(state) else None


def is_state(text: str) -> bool:
    """Whether a text may be a state of ours."""
    return _STATE.fullmatch(text) is not None


def is_bearer(token: object) -> bool:
    """Whether something can be sent as a bearer token (RFC 6750)."""
    return isinstance(token, str) and _BEARER.fullmatch(token) is not None


def proves(verifier: str, challenge: str) -> bool:
    """Whether whoever shows this verifier is who sent the challenge."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)


def challenge_of(verifier: str) -> str:
    """PKCE's S256."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def new_secret() -> str:
    """256 random bits: a state, or a code."""
    return _base64url(secrets.token_bytes(32))


def digest(secret: str) -> str:
    """What is stored of a state or a code."""
    return hashlib.sha256(secret.encode()).hexdigest()


def nonce_of(state: str, key: bytes) -> str:
    """The nonce that the provider puts into its token for a sign-in."""
    return _derived("nonce", state, key)


def verifier_of(state: str, key: bytes) -> str:
    """The PKCE verifier that the provider is shown for a sign-in."""
    return _derived("verifier", state, key)


def _derived(what: str, state: str, key: bytes) -> str:
    own = hmac.digest(key, f"stageward sign-in {what}".encode(), hashlib.sha256)
    return _base64url(hmac.digest(own, state.encode(), hashlib.sha256))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def with_query(address: str, **parameters: str | None) -> str:
    """An address with these parameters; those that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{address}{'&' if '?' in address else '?'}{urlencode(given, quote_via=quote)}"


def speakable(text: str) -> str:
    """A text as an `error_description` may hold it."""
    plain = text.replace("`", "'").replace("…", "...").replace('"', "'")
    return _UNSPEAKABLE.sub("?", plain)[:500]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as the provider tells it. `email` is a verified one; `groups` is None where the
    provider says nothing of groups."""

    issuer: str
    subject: str
    name: str | None
    email: str | None
    groups: frozenset[str] | None


def person(claims: Mapping[str, Any], issuer: str, name_claim: str, groups_claim: str) -> Person:
    """Who the checked claims of a provider speak of."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or "\0" in subject:
        raise Refusal("server_error", "The provider's token does not say whose it is (sub).")
    email = _email(claims)
    named = name_from(claims.get(name_claim)) or name_from(
        (email or _any(claims)).partition("@")[0]
    )
    word = claims.get("email_verified")
    verified = email if word is True or word == "true" else None  # some say it as a text
    return Person(issuer, subject, named, verified, _groups(claims.get(groups_claim)))


def _any(claims: Mapping[str, Any]) -> str:
    email = claims.get("email")
    return email if isinstance(email, str) else ""


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    fits = isinstance(email, str) and len(email) <= 254 and _EMAIL.fullmatch(email)
    return email if fits else None


def name_from(claim: object) -> str | None:
    """A claim as the name of an identity: without accents, with hyphens for what a name cannot
    hold. None where nothing is left."""
    if not isinstance(claim, str):
        return None
    plain = unicodedata.normalize("NFKD", claim[:512]).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._@+-]+", "-", plain.strip())
    name = re.sub(r"^[^A-Za-z0-9]+", "", name)[:128]
    return name if _NAME.fullmatch(name) else None


def _groups(claim: object) -> frozenset[str] | None:
    listed = [claim] if isinstance(claim, str) else claim
    if not isinstance(listed, list):
        return None
    return frozenset(one for one in listed[:MOST_GROUPS] if isinstance(one, str))


def lacks(claims: Mapping[str, Any], wanted: tuple[str, ...]) -> bool:
    """Whether the provider's token leaves out a claim that is looked at."""
    return any(claims.get(name) is None for name in wanted)


def completed(claims: Mapping[str, Any], status: int, told: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of the provider's token, and those that it left out as the userinfo endpoint
    tells them, if that speaks of the same account."""
    if status != 200:
        raise Refusal("server_error", f"The provider's userinfo endpoint answers {status}.")
    if told.get("sub") != claims.get("sub"):
        raise Refusal("server_error", "The provider's userinfo is of another account (sub).")
    # An address and whether it is verified come from one place, or one could vouch for another.
    address = ("email", "email_verified")
    source = claims if claims.get("email") is not None else told
    rest = {k: v for k, v in {**told, **claims}.items() if k not in address}
    return rest | {name: source[name] for name in address if name in source}
