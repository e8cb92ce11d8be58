"""A whole story on a real server, and then a search for every secret that was in it."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import psycopg
import pytest

from app.tokens.rules import new_secret
from tests.access.matrix.keeping import tables
from tests.actors import API
from tests.oidc.canaille import Canaille, log_in
from tests.oidc.issuer import Issuer, issuing
from tests.s3.server import S3Server
from tests.servers import Server, Start, start
from tests.signin.person import BACK, challenge_of
from tests.waiting import until

__all__ = ["start"]

Sql = psycopg.AsyncConnection[tuple[object, ...]]
SECRET_KEY = "the-key-of-this-server-Zq8vX1-and-no-other"
ADMIN_TOKEN = new_secret()
PASSWORD = "a-password-of-PostgreSQL-7hQ2"
HUNTER = "correct-horse-battery-Staple-42"  # a password that somebody sends where none belongs
PASTED = "AKIA-pasted-into-a-description-9fK3"
SEAL_KEY = base64.b64encode(hashlib.sha256(b"the key of this record").digest()).decode()
CLIENT_SECRET = "what-the-provider-gave-us-5tR8"
BYTES = b"weights " * 4000
DECLARED = {"path": "w.bin", "size": len(BYTES), "sha256": hashlib.sha256(BYTES).hexdigest()}
SIGNED = ("signature", "X-Amz-Signature")
OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"


class Story:
    """What was sent and answered, and every secret with the number of answers there were then."""

    def __init__(self, url: str, *known: str) -> None:
        self.http = httpx.Client(base_url=url, verify=False, timeout=60, trust_env=False)
        self.secrets: dict[str, int] = dict.fromkeys(known, 0)
        self.brief: set[str] = set()
        self.answers: list[httpx.Response] = []
        self.http.event_hooks["response"].append(self._note)

    def _note(self, answer: httpx.Response) -> None:
        answer.read()
        if answer.request.url.port == self.http.base_url.port:  # else it is S3 that speaks
            self.answers.append(answer)

    def know(self, secret: str) -> str:
        """Nothing that is answered from here on may hold it."""
        self.secrets.setdefault(secret, len(self.answers))
        return secret

    def passing(self, secret: str) -> str:
        """One that is good once, for a minute, and of which a digest may be kept until then."""
        self.brief.add(self.know(secret))
        return secret

    def ask(
        self, method: str, path: str, token: str = ADMIN_TOKEN, **options: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return self.http.request(method, API + path, headers=headers, **options)

    def ok(self, method: str, path: str, token: str = ADMIN_TOKEN, **options: Any) -> Any:
        answer = self.ask(method, path, token, **options)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def issue(self, path: str = "/tokens", **body: Any) -> tuple[str, str]:
        made = self.ok("POST", path, json=body)
        return self.know(made["secret"]), made["id"]

    def link(self, url: str) -> str:
        """Remember what makes a link unalterable."""
        query = parse_qs(urlsplit(url).query)
        (signature,) = (query[name][0] for name in SIGNED if name in query)
        self.know(signature)
        return url


@contextmanager
def told(url: str, *known: str) -> Iterator[Story]:
    story = Story(url, *known)
    try:
        yield story
    finally:
        story.http.close()


def have_tokens(story: Story) -> str:
    """Issued, rotated, revoked; answers one that works."""
    for name in ("alice", "ci"):
        owner = {"kind": "service", "owner": "alice"} if name == "ci" else {"kind": "user"}
        story.ok("POST", "/identities", json={"name": name, **owner})
        grant = {"subject": name, "role": "maintainer", "models": "*"}
        story.ok("PUT", "/grants", json=grant)
    scopes = ["read", "write"]
    alice, _ = story.issue(name="laptop", identity="alice", scopes=scopes)
    _, old = story.issue(name="old", identity="alice", scopes=scopes)
    story.issue(f"/tokens/{old}/rotate", grace_minutes=5)
    gone, gone_id = story.issue(name="gone", identity="alice", scopes=scopes)
    key = {"Idempotency-Key": "again"}
    for _ in range(2):  # the second answer has no secret any more
        body = {"name": "kept", "scopes": ["read"]}
        kept = story.ok("POST", "/tokens", alice, json=body, headers=key)
        if "secret" in kept:
            story.know(kept["secret"])
    assert "secret" not in kept
    story.ok("DELETE", f"/tokens/{gone_id}")
    assert story.ask("GET", "/me", gone).status_code == 401
    return alice


def move_bytes(story: Story, token: str) -> None:
    """Signed links up and down, and ones that were changed on the way."""
    version = "/models/churn/versions/1"
    story.ok("POST", "/models", token, json={"name": "churn"})
    story.ok("POST", "/models/churn/versions", token, json={"params": {"lr": 0.1}})
    (upload,) = story.ok("POST", f"{version}/uploads", token, json={"files": [DECLARED]})["uploads"]
    for part in upload["parts"]:
        url = story.link(part["url"])
        broken = story.http.put(f"{url}x", content=BYTES, headers=part["headers"])
        assert broken.status_code in (401, 403), broken.text
        sent = story.http.put(url, content=BYTES, headers=part["headers"])
        assert sent.is_success, sent.text
    story.ok("POST", f"{version}/uploads/{upload['id']}/complete", token)
    story.ok("POST", f"{version}/finalize", token)
    (file,) = story.ok("GET", f"{version}/manifest", token)["files"]
    url = story.link(file["url"])
    assert story.http.get(url).content == BYTES
    assert story.http.get(url, headers={"Range": "bytes=0-9"}).status_code == 206
    assert story.http.get(f"{url}x").status_code in (401, 403)


def put_secrets_in_odd_places(story: Story, token: str) -> None:
    """Where people who are in a hurry put them. All of it is refused, or at least not kept."""
    story.know(HUNTER)
    refused = [
        story.ask("GET", "/models", token, params={"token": token}),
        story.ask("GET", "/models", token, params={"password": HUNTER}),
        story.ask("GET", f"/models/{token}", token),
        story.ask("GET", f"/models/churn/versions/{token}", token),
        story.ask("DELETE", f"/tokens/{token}", token),
        story.ask("POST", "/models", token, json={"name": "x", "password": HUNTER}),
        story.ask("POST", "/models", token, json={"name": {"token": token}}),
        story.ask("POST", "/tokens", token, json={"name": "t", "scopes": [token]}),
        story.ask("POST", "/models", token, content=b'{"name": "' + HUNTER.encode()),
        story.ask("POST", "/auth/exchange", token, json={"token": token}),
        story.ask("POST", "/auth/exchange", token, json={"token": HUNTER, "password": HUNTER}),
        story.http.get(f"/{token}"),
        story.http.get(f"{API}/models", headers={"Authorization": token}),
        story.http.get(f"{API}/models", headers={"Authorization": f"Basic {token}"}),
        story.http.get(f"{API}/models", headers={"Authorization": f"Bearer {token}x"}),
        story.http.get(f"{API}/models", headers={"Authorization": f"Bearer {HUNTER}" * 2}),
        story.http.get(f"{API}/models", headers={"X-Token": token}),
        story.http.get(f"{API}/models", headers={"Cookie": f"token={token}"}),
    ]
    assert {answer.status_code for answer in refused} <= {400, 401, 403, 404, 409, 422}
    story.ask("GET", "/me", token, headers={"X-Request-ID": token})
    story.ask("GET", "/me", token, headers={"User-Agent": HUNTER, "Referer": HUNTER})


def exchange(story: Story, issuer: Issuer) -> None:
    """A fitting JWT, the same once more, and two that do not fit."""
    trust = {
        "name": "churn-ci", "issuer": issuer.url, "identity": "ci", "scopes": ["read"],
        "claims": {"repository": "acme/churn"},
    }  # fmt: skip
    story.ok("POST", "/trust", json=trust)
    here = str(story.http.base_url).rstrip("/")
    fitting = story.know(issuer.token(repository="acme/churn", aud=here))
    answer = story.http.post(f"{API}/auth/exchange", json={"token": fitting})
    assert answer.status_code == 201, answer.text
    secret = story.know(answer.json()["secret"])
    assert story.ask("GET", "/me", secret).status_code == 200
    other = story.know(issuer.token(repository="acme/other", aud=here))
    for token in (fitting, other, story.know(f"{fitting}x")):
        assert not story.http.post(f"{API}/auth/exchange", json={"token": token}).is_success
    story.ask("GET", f"/models/{other}")
    story.ask("GET", "/me", fitting)


async def sign_in(story: Story, canaille: Canaille) -> None:
    """A person's sign-in to its end, its code once more, and one that is wrong."""
    verifier = story.know(secrets.token_urlsafe(48))
    asked = {
        "response_type": "code", "client_id": "stageward-cli", "redirect_uri": BACK,
        "code_challenge": challenge_of(verifier), "code_challenge_method": "S256",
    }  # fmt: skip
    there = story.http.get(f"{API}/auth/authorize", params=asked).headers["location"]
    story.passing(parse_qs(urlsplit(there).query)["state"][0])
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as browser:
        callback = await log_in(browser, there, "walter")
    story.passing(parse_qs(urlsplit(callback).query)["code"][0])
    back = story.http.get(callback).headers["location"]
    code = story.passing(parse_qs(urlsplit(back).query)["code"][0])
    brought = {
        "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
        "client_id": "stageward-cli", "redirect_uri": BACK,
    }  # fmt: skip
    got = story.http.post(f"{API}/auth/token", data=brought)
    assert got.status_code == 200, got.text
    token = story.know(got.json()["access_token"])
    assert story.ask("GET", "/me", token).status_code == 200
    for wrong in (brought, {**brought, "code": f"{code}x"}):
        assert story.http.post(f"{API}/auth/token", data=wrong).status_code == 400
    assert story.http.get(callback).status_code >= 300


def redact(story: Story, token: str) -> None:
    """A secret that somebody pasted, and that an admin takes away."""
    body = {"description": f"See {PASTED}.", "params": {"key": PASTED}}
    story.ok("POST", "/models/churn/versions", token, json=body, headers={"Idempotency-Key": "p"})
    wanted = {"text": story.know(PASTED), "reason": "A key was pasted."}
    story.ok("POST", "/redactions", json={**wanted, "dry_run": True})
    story.ok("POST", "/redactions", json=wanted, headers={"Idempotency-Key": "r"})
    story.ok("GET", "/models/churn/versions/2", token)
    story.ok("GET", "/redactions")


def look_around(story: Story, token: str) -> None:
    """Read all that lists things, also as who sees everything."""
    for path in ("/me", "/tokens", "/identities", "/grants", "/trust", "/models", "/versions"):
        story.ok("GET", path)
        story.ask("GET", path, token)
    story.ok("GET", "/events", params={"limit": 200})
    assert story.ask("GET", "/events/export").is_success
    for path in ("/", "/docs", "/openapi.json", "/version", "/readyz", "/problems"):
        assert story.http.get(path, follow_redirects=True).status_code == 200
    metrics = story.http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert "stageward" in metrics.text


def forms(secret: str) -> set[str]:
    """How a secret may be written, and what gives it away as well as the secret itself."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), raw.hex(), hashlib.sha256(raw).hexdigest()}
    for text in (raw, f"Bearer {secret}".encode(), f":{secret}".encode()):
        found |= {base64.b64encode(text).decode(), base64.urlsafe_b64encode(text).decode()}
    return {form.rstrip("=") for form in found}


def traces(story: Story, server: Server) -> list[str]:
    """The secrets in what the process said and logged, in the document, and in what was answered
    after they were first told."""
    places = {"said": server.said.read_text(), "logged": server.logged.read_text()}
    places["openapi.json"] = OPENAPI.read_text()
    found = []
    for secret, since in story.secrets.items():
        wanted = forms(secret)
        for place, text in places.items():
            found += [f"{place}: {form}" for form in wanted if form in text]
        for answer in story.answers[since + 1 :]:
            text = f"{dict(answer.headers)} {answer.text}"
            found += [
                f"{answer.request.method} {answer.request.url}: {form} in {text[:400]}"
                for form in wanted
                if form in text
            ]
    return found


async def kept(sql: Sql, sought: set[str], *, digests: bool = True) -> list[str]:
    """The secrets in any column of any table, bytes and documents among them."""
    found = []
    for table in await tables(sql):
        rows = await (await sql.execute(f'select t::text from "{table}" t')).fetchall()  # type: ignore[arg-type]
        text = "\n".join(str(row[0]) for row in rows)
        for secret in sought:
            wanted = forms(secret)
            if not digests:
                wanted.discard(hashlib.sha256(secret.encode()).hexdigest())
            found += [f"{table}: {form}" for form in wanted if form in text]
    return found


@pytest.fixture
def canaille() -> Iterator[Canaille]:
    provider = Canaille()
    yield provider
    provider.stop()


@pytest.mark.parametrize(
    ("store", "log_format"),
    [
        pytest.param("local", "json", marks=pytest.mark.local_store),
        pytest.param("s3", "console", marks=pytest.mark.s3_store),
    ],
)
async def test_no_secret_of_a_whole_story_is_found_anywhere(
    store: str, log_format: str, sql: Sql, database_url: str, start: Start, tmp_path: Path,
    request: pytest.FixtureRequest, canaille: Canaille,
) -> None:  # fmt: skip
    with_password = re.sub(r"//(\w+)@", rf"//\1:{PASSWORD}@", database_url)
    assert PASSWORD in with_password
    server = start(
        store=store, database_url=with_password, listen_url=with_password, secret_key=SECRET_KEY,
        admin_token=ADMIN_TOKEN, log_level="debug", log_format=log_format, seal_key=SEAL_KEY,
        oidc_issuer=canaille.issuer, oidc_client_id="stageward", oidc_client_secret=CLIENT_SECRET,
    )  # fmt: skip
    known = [SECRET_KEY, ADMIN_TOKEN, PASSWORD, SEAL_KEY, CLIENT_SECRET]
    if store == "s3":
        s3: S3Server = request.getfixturevalue("s3_server")
        known.append(s3.secret_key)
    canaille.client("stageward", f"{server.url}/api/v1/auth/callback", secret=CLIENT_SECRET)
    canaille.person("walter")
    with issuing(tmp_path / "issuer") as issuer, told(server.url, *known) as story:
        token = have_tokens(story)
        move_bytes(story, token)
        put_secrets_in_odd_places(story, token)
        exchange(story, issuer)
        await sign_in(story, canaille)
        redact(story, token)
        look_around(story, token)
        until(lambda: server.logged.read_text().count("request") > 60, what="the log")
        assert len(story.secrets) >= 22
        assert traces(story, server) == []
        assert await kept(sql, set(story.secrets) - story.brief) == []
        assert await kept(sql, story.brief, digests=False) == []
        assert set(story.secrets) == set(await _would_be_found(sql, story))
    assert server.end() == 0
    assert traces(story, server) == []


async def _would_be_found(sql: Sql, story: Story) -> list[str]:
    """The search is not blind: put into a text, each secret is found there."""
    found = []
    for secret in story.secrets:
        await sql.execute("update identities set email = %s where name = 'alice'", [secret])
        found += [secret] if await kept(sql, {secret}) else []
    return found
