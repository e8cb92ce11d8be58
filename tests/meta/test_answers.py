"""What answers really bear is what the OpenAPI document says of them, and nothing is only said."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.meta.openapi import build_openapi
from tests.actors import Api, Team
from tests.meta.documents import headers_of, operations, takes
from tests.policies.acting import default_with
from tests.seals.record import seal

TOLD = ("ETag", "Location", "Link", "Idempotent-Replay", "X-Request-ID")
SAID = {"body": "Why?"}
DATA = [{"name": name, "role": "train"} for name in ("customers", "events")]
CURVE = {"points": [{"key": key, "step": 1, "value": 0.5} for key in ("loss", "validation/loss")]}
# What must be asked with a question.
ASKED = {
    "/api/v1/impact": {"dataset": "customers"},
    "/api/v1/models/{model}/compare": {"versions": "1,2"},
}
Fact = tuple[str, str, str, str]  # method, path, status, header


class Answers:
    """All that a client was answered, held against the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.seen: set[Fact] = set()
        self.patterns = {
            path: re.compile(re.sub(r"\{path\}", ".+", re.sub(r"\{(?!path)\w+\}", "[^/]+", path)))
            for path in document["paths"]
        }

    async def note(self, answer: httpx.Response) -> None:
        method, address = answer.request.method.lower(), answer.request.url.path
        fitting = [
            path
            for path, pattern in self.patterns.items()
            if pattern.fullmatch(address) and method in self.document["paths"][path]
        ]
        path = min(fitting, key=lambda path: path.count("{"))
        operation, status = self.document["paths"][path][method], str(answer.status_code)
        assert status in operation["responses"], f"{method} {path} answered {status}"
        bears = {name for name in TOLD if name.lower() in answer.headers}
        assert bears <= headers_of(self.document, operation, status), f"{method} {path} {status}"
        self.seen |= {(method, path, status, name) for name in bears | {""}}

    def told(self, header: str) -> set[Fact]:
        """Each answer that the document says bears this header, of successes and 304s."""
        return {
            (method, path, status, header)
            for path, method, operation in operations(self.document)
            for status in operation["responses"]
            if status < "400" and header in headers_of(self.document, operation, status)
        }


@pytest.fixture
def answers(app: FastAPI, http: httpx.AsyncClient) -> Answers:
    found = Answers(build_openapi(app))
    http.event_hooks["response"].append(found.note)
    return found


async def changed(api: Api, method: str, path: str, json: Any = None) -> httpx.Response:
    answer = await api.request(method, path, **({} if json is None else {"json": json}))
    assert answer.is_success, answer.text
    return answer


async def twice(api: Api, path: str, json: Any = None) -> Any:
    """POST it, and once more under the same key."""
    headers = {"Idempotency-Key": str(uuid4())}
    first = await api.post(path, json, headers=headers)
    assert first.is_success, first.text
    again = await api.post(path, json, headers=headers)
    assert again.headers["idempotent-replay"] == "true"
    return first.json()


async def have_a_story(admin: Api, team: Team) -> dict[str, str]:
    """Make something of everything; answers what stands for each parameter of a path."""
    alice, bob = await team.person("alice", "maintainer"), await team.person("bob", "maintainer")
    await twice(admin, "/identities", {"name": "carol", "kind": "user"})
    await changed(admin, "PATCH", "/identities/carol", {"email": "carol@example.com"})
    await twice(admin, "/groups", {"name": "operators"})
    await twice(admin, "/groups", {"name": "risk-team"})
    for claim in ("ml-risk", None):
        await changed(admin, "PATCH", "/groups/risk-team", {"claim": claim})
    account = {"issuer": "https://id.example.org", "subject": "carol"}
    for _ in range(2):
        await changed(admin, "PUT", "/identities/carol/links", account)
    gone = await admin.delete("/identities/carol/links", params=account)
    assert gone.status_code == 204
    await changed(admin, "PUT", "/groups/risk-team/members/carol")
    await changed(admin, "PUT", "/groups/risk-team/members/carol")
    await team.grant("risk-team", "reader")
    await team.grant("risk-team", "reader")
    token = await twice(admin, "/tokens", {"name": "t", "identity": "carol", "scopes": ["read"]})
    token = await twice(admin, f"/tokens/{token['id']}/rotate", {"grace_minutes": 5})
    await twice(admin, "/identities", {"name": "ci", "kind": "service", "owner": "alice"})
    for name in ("churn-ci", "fraud-ci"):
        trusted = {"name": name, "preset": "github", "identity": "ci", "scopes": ["write"]}
        await twice(admin, "/trust", {**trusted, "claims": {"repository": "acme/churn"}})
    await changed(admin, "PATCH", "/trust/churn-ci", {"minutes": 5})
    await twice(admin, "/trust/churn-ci/test", {"token": "a.b.c"})
    await twice(alice, "/models", {"name": "churn"})
    await twice(alice, "/resolve", {"refs": [{"model": "churn", "ref": "production"}]})
    await changed(alice, "PATCH", "/models/churn", {"description": "Who leaves."})
    await changed(alice, "PATCH", "/models/churn", {"naming": {"version_pattern": "[a-z]+"}})
    await twice(alice, "/models/churn/naming/preview", {"sample": {"params": {"n": 1}}})
    await twice(alice, "/naming/preview", {"model": "churn", "name_template": "{model}-{number}"})
    versions = "/models/churn/versions"
    for number in range(3):
        await twice(
            alice, versions, {"params": {"n": number}, "datasets": DATA, "metrics": {"auc": 1}}
        )
        await twice(alice, f"{versions}/{number + 1}/finalize")
    await changed(alice, "PATCH", f"{versions}/1", {"tags": {"a": "b"}})
    await twice(alice, f"{versions}/3/recall", {"reason": "Leaks."})
    await changed(alice, "DELETE", f"{versions}/3/recall")
    measured = {"dataset": {"name": "holdout"}, "metrics": {"auc": 0.9}}
    other = {"dataset": {"name": "fresh"}, "metrics": {"auc": 0.8}}
    await twice(alice, f"{versions}/1/evaluations", other)
    for _ in range(2):
        evaluation = await twice(alice, f"{versions}/1/evaluations", measured)
        await twice(alice, f"{versions}/1/series", CURVE)
        await changed(alice, "PUT", f"{versions}/1/checks/lint", {"status": "success"})
        await changed(alice, "PUT", f"{versions}/1/checks/unit", {"status": "success"})
    await twice(alice, "/policy/preview", {"model": "churn", "version": 1, "to": "staging"})
    await changed(admin, "PUT", "/policy", default_with())
    for protected in (["best"], []):
        await changed(alice, "PUT", "/models/churn/policy", {"protected_aliases": protected})
    await changed(alice, "DELETE", "/models/churn/policy")
    await changed(alice, "PUT", "/models/churn/aliases/champion", {"version": 1})
    await changed(alice, "PUT", "/models/churn/aliases/older", {"version": 2})
    await changed(alice, "PUT", "/models/churn/aliases/older", {"version": 1})
    for number in (1, 2):
        staged = {"to": "staging", "reason": "Try it.", "apply": True}
        await twice(alice, f"{versions}/{number}/promotions", staged)
        asked = {"to": "production", "reason": "Better."}
        promotion = await twice(alice, f"{versions}/{number}/promotions", asked)
        await twice(bob, f"/promotions/{promotion['id']}/reviews", {"decision": "approve"})
        await twice(bob, f"/promotions/{promotion['id']}/apply")
    for path in (f"{versions}/1/comments", f"/promotions/{promotion['id']}/comments"):
        await changed(bob, "DELETE", f"/comments/{(await twice(alice, path, SAID))['id']}")
        comment = await twice(alice, path, SAID)
    for body in ("Better?", "Worse?"):
        await changed(alice, "PATCH", f"/comments/{comment['id']}", {"body": body})
    await twice(alice, "/models/churn/rollback", {"stage": "production", "reason": "Worse."})
    again = {"to": "staging", "reason": "Once more."}
    first = await twice(alice, f"{versions}/2/promotions", again)
    await twice(alice, f"/promotions/{first['id']}/cancel")
    second = await twice(alice, f"{versions}/2/promotions", again)
    await twice(admin, f"/promotions/{second['id']}/override", {"reason": "Nobody can be reached."})
    secret = {"text": "correct-horse-battery", "reason": "Pasted by mistake."}
    await twice(admin, "/redactions", {**secret, "dry_run": True})
    await changed(alice, "PATCH", f"{versions}/1", {"description": secret["text"]})
    redactions = [await twice(admin, "/redactions", secret) for _ in range(2)]
    await twice(admin, "/models", {"name": "gone"})
    await changed(admin, "DELETE", "/models/gone")
    await twice(admin, "/models/gone/restore")
    return {
        "{model}": "churn",
        "{ref}": "1",
        "{stage}": "production",
        "{alias}": "older",
        "{evaluation}": evaluation["id"],
        "{check}": "unit",
        "{dataset}": "customers",
        "{metric}": "auc",
        "{promotion}": promotion["id"],
        "{comment}": comment["id"],
        "{revision}": "1",
        "{name}": "carol",
        "{trust}": "churn-ci",
        "{token_id}": token["id"],
        "{group}": "risk-team",
        "{redaction_id}": redactions[0]["id"],
    }


async def read_all(admin: Api, answers: Answers, names: dict[str, str]) -> None:
    """Read whatever can be read: each list a row at a time, each resource twice."""
    for path, method, operation in operations(answers.document):
        address = re.sub(r"\{\w+\}", lambda m: names.get(m[0], m[0]), path)
        if method != "get" or "{" in address or not path.startswith("/api/v1"):
            continue
        if "/auth/" in path or path.endswith("/tensors"):  # it takes an OIDC provider, or bytes
            continue
        page = {"limit": "1"} if "cursor" in takes(answers.document, operation) else {}
        page |= ASKED.get(path, {})
        found = await admin.get(address.removeprefix("/api/v1"), params=page)
        assert found.status_code == 200, f"{path}: {found.text}"
        if "etag" in found.headers:
            known = {"If-None-Match": found.headers["etag"]}
            again = await admin.get(address.removeprefix("/api/v1"), params=page, headers=known)
            assert (again.status_code, again.content) == (304, b""), path


async def test_what_a_story_is_answered_is_what_the_document_says(
    admin: Api, team: Team, answers: Answers, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seals.rules.chain.SIGNED_EVERY", timedelta(0))
    await seal(runtime)
    names = await have_a_story(admin, team)
    await seal(runtime)
    await read_all(admin, answers, names)
    # What moves bytes and what takes an OIDC provider have their own tests.
    elsewhere = {"/files", "/tensors", "/uploads", "/transfer", "/auth/"}
    unseen = [
        fact
        for header in TOLD
        for fact in sorted(answers.told(header) - answers.seen)
        if not any(part in fact[1] for part in elsewhere) and fact[1].startswith("/api/v1")
        if not (fact[1].endswith("/finalize") and fact[2] == "202")  # bytes that are proven later
        if header != "X-Request-ID" or fact[2] == "304"
    ]
    assert unseen == []
