"""A test's issuer: a process that publishes keys, and a hand that signs with them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from tests.waiting import until

WELL_KNOWN = "/.well-known/openid-configuration"
KEYS = "/keys"
AUDIENCE = "http://test"
Key = RSAKey | ECKey | OKPKey


def base64url(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).decode()


def compact(header: dict[str, Any], claims: Any, key: Key | None, how: str | None = None) -> str:
    """A signed token, of any header and any claims; `how`: an algorithm other than its `alg`."""
    signed = f"{base64url(header)}.{base64url(claims)}"
    if key is None:
        return f"{signed}."
    name = how or header["alg"]
    algorithm = JWSRegistry.algorithms["Ed25519" if name == "EdDSA" else name]
    return f"{signed}.{base64url(algorithm.sign(signed.encode(), key))}"


class Issuer:
    """One issuer, with an RSA key at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.keys: dict[str, tuple[Key, dict[str, Any]]] = {}
        self.mood: dict[str, str] = {}
        self.named: str | None = None
        self.keys_at: str | None = None
        self.elsewhere = ""
        self.more: dict[str, Any] = {}
        self.add("first", RSAKey.generate_key(2048))

    def add(self, kid: str | None, key: Key, **members: Any) -> Key:
        """Publish one more key; a member of None is left out."""
        shown = {**key.as_dict(private=False), "kid": kid, "use": "sig", **members}
        shown = {name: value for name, value in shown.items() if value is not None}
        self.keys[f"{kid or ''} {len(self.keys)}"] = (key, shown)
        self.tell()
        return key

    def rotate(self, kid: str) -> None:
        """Publish one new key and none of the old ones."""
        self.keys = {}
        self.add(kid, RSAKey.generate_key(2048))

    def feel(self, mood: str, *paths: str) -> None:
        """How it answers from now on, there or everywhere."""
        self.mood = dict.fromkeys(paths or (WELL_KNOWN, KEYS), mood)
        self.tell()

    def tell(self) -> None:
        """Have the process answer this."""
        if not self.url:
            return
        documents = {
            WELL_KNOWN: {
                "issuer": self.named or self.url,
                "jwks_uri": self.keys_at or self.url + KEYS,
                "authorization_endpoint": self.url + "/authorize",
                "token_endpoint": self.url + "/token",
            },
            KEYS: {"keys": [shown for _, shown in self.keys.values()]},
            **self.more,
        }
        state = {"documents": documents, "mood": self.mood, "elsewhere": self.elsewhere}
        (self.folder / "state.new").write_text(json.dumps(state))
        (self.folder / "state.new").rename(self.folder / "state.json")

    def asked(self, path: str | None = None) -> int:
        """How often it was asked, for this or at all."""
        log = self.folder / "asked.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return len([line for line in lines if path in (None, line)])

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Claims that count now; one of None is left out."""
        now = int(time.time())
        found = {"iss": self.url, "aud": AUDIENCE, "sub": "job", "jti": str(uuid4())}
        found |= {"iat": now, "nbf": now, "exp": now + 300, **claims}
        return {name: value for name, value in found.items() if value is not None}

    def token(
        self, *, alg: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token signed with the key published last."""
        key, shown = list(self.keys.values())[-1]
        head = {"alg": alg, "typ": "JWT", "kid": shown.get("kid"), **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return compact(head, self.claims(**claims), key)

    @property
    def key(self) -> Key:
        """The key published last."""
        return list(self.keys.values())[-1][0]


@contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """A running issuer; its process ends with the block."""
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "tests.oidc.issuing", str(folder)])
    try:
        port = until(
            lambda: (folder / "port.txt").exists() and (folder / "port.txt").read_text(),
            what="the issuer's port",
        )
        issuer = Issuer(folder)
        issuer.url = f"http://127.0.0.1:{port}"
        issuer.tell()
        yield issuer
    finally:
        process.kill()
        process.wait()
