"""Two teams on one server: Olga's models are hidden from Rita, whatever ties the two together."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.access.matrix.scene import ok
from tests.actors import Api, Team
from tests.policies.acting import default_with

MARK = "xylophone"  # stands in every text that only Olga's team may read
HIDDEN, SEEN = f"omega-{MARK}", "ruby"
BYTES = MARK.encode() * 50
SHA256 = hashlib.sha256(BYTES).hexdigest()
RECIPE: dict[str, Any] = {
    "name": f"{MARK}-one",
    "description": f"{MARK} in words",
    "params": {f"{MARK}_lr": 0.5, "note": MARK},
    "metrics": {f"{MARK}_auc": 0.75},
    "tags": {f"{MARK}-tag": MARK},
    "code": {"repository": f"https://git.example.com/{MARK}.git", "commit": "c0ffee" * 6 + "beef"},
    "datasets": [{"name": f"{MARK}-customers", "role": "train", "sha256": "5e" * 32}],
    "preprocessing": [{"name": f"{MARK}-scaler"}],
    "environment": {"python": "3.11.7", "packages": {MARK: "1.0.0"}},
    "source": f"s3://{MARK}/models",
}


@dataclass
class Teams:
    """Rita is a maintainer of `ruby…` and of nothing else; Olga and Otto of `omega…`."""

    admin: Api
    rita: Api
    olga: Api
    names: dict[str, str] = field(default_factory=dict)
    """What of the hidden model stands for each part of a path."""
    secrets: set[str] = field(default_factory=set)
    """What Rita must find nowhere."""


async def make_teams(admin: Api, team: Team) -> Teams:
    teams = Teams(
        admin,
        await team.person("rita", "maintainer", models=f"{SEEN}*"),
        await team.person("olga", "maintainer", models="omega*"),
    )
    otto = await team.person("otto", "reviewer", models="omega*")
    await ok(await teams.rita.post("/models", {"name": SEEN, "description": "Rita's."}))
    await ok(await teams.rita.post(f"/models/{SEEN}/versions", {"finalize": True}))
    await _hidden_story(teams, otto)
    await _ties(teams)
    return teams


async def _hidden_story(teams: Teams, otto: Api) -> None:
    """Something of everything, each with the mark in its texts."""
    olga, m = teams.olga, f"/models/{HIDDEN}"
    made = {"name": HIDDEN, "description": MARK, "tags": {MARK: MARK}}
    await ok(await olga.post("/models", made))
    await ok(await olga.post(f"{m}/versions", RECIPE))
    await ok(await olga.put(f"{m}/versions/1/files/{MARK}.bin", content=BYTES))
    version = await ok(await olga.post(f"{m}/versions/1/finalize"))
    await ok(await olga.post(f"{m}/versions", {"name": f"{MARK}-two"}))
    (upload,) = (
        await ok(await olga.post(f"{m}/versions/2/uploads", {"files": [_declared(b"y" * 9)]}))
    )["uploads"]
    measured = {"dataset": {"name": MARK}, "metrics": {f"{MARK}_f1": 0.5}, "notes": MARK}
    evaluation = await ok(await olga.post(f"{m}/versions/1/evaluations", measured))
    check = {"status": "success", "summary": MARK}
    await ok(await olga.put(f"{m}/versions/1/checks/{MARK}", json=check))
    await ok(await olga.put(f"{m}/aliases/{MARK}", json={"version": 1}))
    own = await ok(await olga.put(f"{m}/policy", json={"protected_aliases": [f"{MARK}-best"]}))
    staged = {"to": "staging", "reason": MARK, "apply": True}
    await ok(await olga.post(f"{m}/versions/1/promotions", staged))
    asked = {"to": "production", "reason": f"{MARK} again"}
    promotion = await ok(await olga.post(f"{m}/versions/1/promotions", asked))
    said = {"decision": "comment", "comment": MARK}
    await ok(await otto.post(f"/promotions/{promotion['id']}/reviews", said))
    comment = await ok(await olga.post(f"{m}/versions/1/comments", {"body": MARK}))
    await ok(await olga.patch(f"/comments/{comment['id']}", {"body": f"{MARK}!"}))
    await ok(await olga.post(f"/promotions/{promotion['id']}/comments", {"body": MARK}))
    teams.names |= {
        "model": HIDDEN, "ref": "1", "n": "2", "path": f"{MARK}.bin", "upload_id": upload["id"],
        "alias": MARK, "check": MARK, "stage": "production", "evaluation": evaluation["id"],
        "promotion": promotion["id"], "comment": comment["id"], "revision": str(own["revision"]),
    }  # fmt: skip
    kept = ("manifest_sha256", "recipe_sha256")
    teams.secrets |= {MARK, SHA256, "c0ffee" * 6, "5e" * 32, *(version[name] for name in kept)}
    teams.secrets |= {teams.names[name] for name in ("promotion", "comment", "evaluation")}


async def _ties(teams: Teams) -> None:
    """The admin, who sees both, has the one descend from the other, both ways; and both are moved
    by one policy."""
    admin = teams.admin
    made_of = {"parents": [{"model": HIDDEN, "version": 1}]}
    await ok(await admin.post(f"/models/{SEEN}/versions", made_of))
    drafted = {"parents": [{"model": SEEN, "version": 1}]}
    await ok(await admin.post(f"/models/{HIDDEN}/versions", drafted))
    await ok(await admin.patch(f"/models/{SEEN}/versions/2", made_of | {"description": "Twice."}))
    await ok(await admin.put("/policy", json=default_with(protected_aliases=["champion"])))


def _declared(data: bytes) -> dict[str, Any]:
    return {"path": "y.bin", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def found_in(answer: httpx.Response, secrets: set[str]) -> Iterator[str]:
    """The secrets in any part of an answer, but for what was in the question itself."""
    request = answer.request
    asked = (
        f"{request.url} {httpx.URL(request.url).path} {request.content.decode(errors='replace')}"
    )
    said = f"{answer.status_code} {dict(answer.headers)} {answer.text}"
    for secret in secrets:
        if secret in said and secret not in asked:
            yield f"{request.method} {request.url}: {secret} in {said[:500]}"
