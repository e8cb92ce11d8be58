"""What the routes are called on: a registry in which each of them has something to work on."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from app.tokens.rules import new_secret
from tests.access.matrix.keeping import Sql
from tests.access.matrix.kinds import KINDS, Kind
from tests.actors import Api, Team
from tests.factories import make_draft, make_model, make_ready
from tests.policies.acting import default_with

V = "/models/churn/versions"
FILE = b"weights " * 100
LINK = {"issuer": "https://id.example.org", "subject": "spare"}
MEASURED = {"dataset": {"name": "holdout"}, "metrics": {"auc": 0.9}}
Headers = dict[str, str]


@dataclass
class Scene:
    """The people who made it, the headers each kind of actor comes with, and the ids of things."""

    http: httpx.AsyncClient
    owner: Api
    """A maintainer who wrote and asked for all of it."""
    headers: dict[str, Headers]
    tokens: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    """What stands for `{model}`, `{promotion}` … in a path."""

    def api(self, kind: Kind) -> Api:
        """What speaks as this kind of actor."""
        return Api(self.http, self.tokens[kind.name], kind.identity)


async def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None


async def make_scene(admin: Api, team: Team, sql: Sql) -> Scene:
    owner = await team.person("owner", "maintainer")
    bob = await team.person("bob", "reviewer")
    scene = Scene(admin.http, owner, {})
    await _make_people(scene, admin)
    await _make_kinds(scene, team, sql)
    await _make_models(scene, admin)
    await _make_history(scene, bob)
    await ok(await admin.put("/policy", json=default_with(protected_aliases=["champion"])))
    own = await ok(await owner.put("/models/churn/policy", json={"protected_aliases": ["best"]}))
    secret = {"text": "nobody-wrote-this", "reason": "To have one."}
    redaction = await ok(await admin.post("/redactions", secret))
    scene.names |= {"redaction_id": redaction["id"]}
    scene.names |= {"revision": 1, "own_revision": own["revision"]}
    return scene


async def _make_people(scene: Scene, admin: Api) -> None:
    await ok(await admin.post("/identities", {"name": "spare", "kind": "user"}))
    await ok(await admin.put("/identities/spare/links", json=LINK))
    await ok(await admin.post("/groups", {"name": "risk-team"}))
    await ok(await admin.put("/groups/risk-team/members/owner"))
    await ok(
        await admin.put("/grants", json={"subject": "spare", "role": "reader", "models": "x-*"})
    )
    token = await ok(
        await admin.post("/tokens", {"name": "t", "identity": "spare", "scopes": ["read"]})
    )
    await ok(
        await admin.post("/identities", {"name": "machine", "kind": "service", "owner": "owner"})
    )
    trusted = {"name": "churn-ci", "issuer": "https://issuer.example", "identity": "machine"}
    trusted |= {"claims": {"repository": "acme/churn"}, "scopes": ["write"]}  # type: ignore[dict-item]
    scene.names |= {"trust": (await ok(await admin.post("/trust", trusted)))["name"]}
    scene.names |= {"name": "spare", "member": "owner", "group": "risk-team"}
    scene.names |= {"token_id": token["id"], "spare_token": token["secret"]}


async def _make_kinds(scene: Scene, team: Team, sql: Sql) -> None:
    """An identity and a token for each kind, also for those whose token will be none any more."""
    for kind in KINDS.values():
        await team.person(kind.identity, kind.role, models=kind.models, scopes=["read"])
        narrowed = {"models": [kind.narrowed]} if kind.narrowed else {}
        api = await team.token(kind.identity, sorted(kind.scopes), **narrowed)
        scene.tokens[kind.name] = api.token
        scene.headers[kind.name] = {"Authorization": f"Bearer {api.token}"}
        if kind.name == "with a revoked token":
            shown = (await api.get("/me")).json()["token"]
            await ok(await team.admin.delete(f"/tokens/{shown['id']}"))
    await ok(await team.admin.patch("/identities/disabled", {"disabled": True}))
    await sql.execute(
        "update tokens set created_at = now() - interval '2 d', expires_at = now() - interval '1 d'"
        " where identity_id = (select id from identities where name = 'with-an-expired-token')"
    )
    secret = scene.tokens["a maintainer"]
    scene.headers |= {
        "without a token": {},
        "with a malformed token": {"Authorization": f"Bearer {secret[:-1]}"},
        "with another scheme": {"Authorization": f"Basic {secret}"},
        "with an unknown token": {"Authorization": f"Bearer {new_secret()}"},
    }


async def _make_models(scene: Scene, admin: Api) -> None:
    await make_model(scene.owner, "churn", description="Who leaves.")
    await make_model(scene.owner, "churn-spare")
    await make_model(scene.owner, "churn-gone")
    await ok(await admin.delete("/models/churn-gone"))
    scene.names |= {"model": "churn", "spare_model": "churn-spare", "gone": "churn-gone"}


async def _make_history(scene: Scene, bob: Api) -> None:
    """1 was in production, 2 is; 3 may go there, 5 waits for a verdict; 4 is nowhere, 6 a draft,
    7 recalled."""
    owner = scene.owner
    for number in range(1, 8):
        if number == 6:
            await make_draft(owner, "churn")
            await ok(await owner.put(f"{V}/6/files/w.bin", content=FILE))
        elif number == 1:
            await make_draft(owner, "churn")
            await ok(await owner.put(f"{V}/1/files/w.bin", content=FILE))
            await ok(await owner.put(f"{V}/1/files/t.safetensors", content=FILE))
            await ok(await owner.post(f"{V}/1/finalize"))
        else:
            await make_ready(owner, "churn")
    for number in (1, 2, 3, 5):
        staged = {"to": "staging", "reason": "Try it.", "apply": True}
        await ok(await owner.post(f"{V}/{number}/promotions", staged))
        asked = await ok(
            await owner.post(f"{V}/{number}/promotions", {"to": "production", "reason": "Better."})
        )
        if number == 5:
            scene.names |= {"promotion": asked["id"]}
            continue
        said = {"decision": "approve"}
        await ok(await bob.post(f"/promotions/{asked['id']}/reviews", said))
        if number != 3:
            await ok(await bob.post(f"/promotions/{asked['id']}/apply"))
        scene.names |= {"approved": asked["id"]}
    await ok(await owner.post(f"{V}/7/recall", {"reason": "Leaks."}))
    await ok(await owner.put("/models/churn/aliases/older", json={"version": 1}))
    evaluation = await ok(await owner.post(f"{V}/1/evaluations", MEASURED))
    await ok(await owner.put(f"{V}/1/checks/unit", json={"status": "success"}))
    comment = await ok(await owner.post(f"{V}/1/comments", {"body": "Why?"}))
    await ok(await owner.patch(f"/comments/{comment['id']}", {"body": "Why not?"}))
    scene.names |= {"draft": "6", "recalled": "7", "holder": "2", "protected": "champion"}
    scene.names |= {"asset": "docs.js", "slug": "not-found"}
    scene.names |= {"ref": "1", "n": "4", "stage": "production", "alias": "older", "check": "unit"}
    scene.names |= {
        "path": "w.bin",
        "dataset": "events",
        "metric": "auc",
        "evaluation": evaluation["id"],
        "comment": comment["id"],
    }
