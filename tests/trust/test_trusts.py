"""Keeping trusts: who may, what is refused, and what ends with them."""

from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import events, pointers, problem
from tests.oidc.issuer import Issuer
from tests.trust.conftest import FITTING, Exchange, wanted

SOMEWHERE = "https://issuer.example"
GITHUB = "https://token.actions.githubusercontent.com"


async def test_a_trust_is_made_shown_changed_and_deleted(admin: Api, bot: Api) -> None:
    made = await admin.post("/trust", wanted(SOMEWHERE))
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/trust/churn-ci"
    shown = made.json()
    assert shown["claims"] == {
        "repository": ["acme/churn"],
        "ref": ["refs/heads/main", "refs/tags/*"],
    }
    assert (shown["audience"], shown["minutes"]) == ("http://test", 15)
    found = await admin.get("/trust/churn-ci")
    assert found.json() == shown
    assert found.headers["etag"] == made.headers["etag"]
    same = {"If-None-Match": made.headers["etag"]}
    assert (await admin.get("/trust/churn-ci", headers=same)).status_code == 304
    assert (await admin.get("/trust")).json()["items"] == [shown]

    stale = await admin.patch("/trust/churn-ci", {"minutes": 5}, headers={"If-Match": '"r9"'})
    problem(stale, 412, "stale-revision")
    changed = await admin.patch("/trust/churn-ci", {"minutes": 5, "models": ["churn"]})
    assert (changed.json()["minutes"], changed.json()["models"]) == (5, ["churn"])
    assert changed.headers["etag"] != made.headers["etag"]
    again = await admin.patch("/trust/churn-ci", {"minutes": 5})
    assert again.headers["etag"] == changed.headers["etag"]
    old = await admin.delete("/trust/churn-ci", headers={"If-Match": made.headers["etag"]})
    problem(old, 412, "stale-revision")
    assert (await admin.delete("/trust/churn-ci")).status_code == 204
    problem(await admin.get("/trust/churn-ci"), 404, "not-found")
    problem(await admin.patch("/trust/churn-ci", {}), 404, "not-found")
    problem(await admin.delete("/trust/churn-ci"), 404, "not-found")
    told = [e for e in await events(admin) if e["subject"] == "trust:churn-ci"]
    assert [e["action"] for e in told] == ["trust.created", "trust.updated", "trust.deleted"]
    assert told[1]["details"] == {
        "minutes": {"from": 15, "to": 5},
        "models": {"from": None, "to": ["churn"]},
    }


async def test_only_an_admin_keeps_trusts(team: Team, trust: dict[str, Any]) -> None:
    maintainer = await team.person("bob", "maintainer")
    narrowed = await team.token("admin", ["write", "review"])
    for api in (maintainer, narrowed):
        for refused in (
            await api.get("/trust"),
            await api.get("/trust/churn-ci"),
            await api.post("/trust", wanted(SOMEWHERE, name="mine")),
            await api.patch("/trust/churn-ci", {"minutes": 5}),
            await api.delete("/trust/churn-ci"),
            await api.post("/trust/churn-ci/test", {"token": "a.b.c"}),
        ):
            problem(refused, 403, "not-allowed")


async def test_a_name_is_taken_once_in_any_case(admin: Api, bot: Api) -> None:
    assert (await admin.post("/trust", wanted(SOMEWHERE))).status_code == 201
    taken = await admin.post("/trust", wanted(SOMEWHERE, name="CHURN-ci"))
    problem(taken, 409, "trust-name-taken")


async def test_a_repeated_request_makes_one_trust(admin: Api, bot: Api) -> None:
    key = {"Idempotency-Key": "k"}
    first = await admin.post("/trust", wanted(SOMEWHERE), headers=key)
    again = await admin.post("/trust", wanted(SOMEWHERE), headers=key)
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "a b"}, "/name"),
        ({"identity": "alice"}, "/identity"),
        ({"identity": "nobody"}, "/identity"),
        ({"scopes": ["admin"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"models": ["a/b"]}, "/models/0"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": 61}, "/minutes"),
        ({"issuer": "http://issuer.example"}, "/issuer"),
        ({"issuer": "https://issuer.example?a=b"}, "/issuer"),
        ({"issuer": None}, "/issuer"),
        ({"audience": ""}, "/audience"),
        ({"claims": {}}, "/claims"),
        ({"claims": {"ref": []}}, "/claims/ref"),
        ({"claims": {"ref": "*"}}, "/claims"),
        ({"claims": {"ref": ["refs/heads/main", "?*"]}}, "/claims"),
        ({"claims": {"aud": "x", "ref": "y"}}, "/claims/aud"),
        ({"claims": {"iss": "x"}}, "/claims/iss"),
        ({"preset": "jenkins"}, "/preset"),
        ({"secret": "x"}, "/secret"),
        ({"preset": "github", "claims": {"ref": "main"}}, "/claims"),
        ({"preset": "github", "claims": {"sub": "repo:acme/churn:*"}}, "/claims"),
        ({"preset": "github", "claims": {"repository": "*"}}, "/claims/repository"),
        ({"preset": "github", "claims": {"repository": "*/churn"}}, "/claims/repository"),
        ({"preset": "github", "claims": {"repository": "acm?/churn"}}, "/claims/repository"),
        ({"preset": "github", "claims": {"repository_id": "7*"}}, "/claims/repository_id"),
        ({"preset": "github", "claims": {"repository_owner": "acme"}}, "/claims"),
        (
            {"preset": "github", "claims": {"repository": "a/b", "project_path": "a/b"}},
            "/claims/project_path",
        ),
        ({"preset": "gitlab", "claims": {"ref": "main"}}, "/claims"),
        ({"preset": "gitlab", "claims": {"project_path": "*/churn"}}, "/claims/project_path"),
        ({"preset": "gitlab", "claims": {"namespace_path": "acme*"}}, "/claims/namespace_path"),
    ],
)
async def test_a_bad_wish_points_at_the_field(
    admin: Api, bot: Api, change: dict[str, Any], pointer: str
) -> None:
    asked = wanted(None if "preset" in change else SOMEWHERE, **change)
    refused = await admin.post("/trust", asked)
    found = pointers(problem(refused, 422, "invalid-request"))
    assert any(one == pointer or one.startswith(pointer + "/") for one in found), found


async def test_an_unknown_claim_of_a_preset_is_told_with_those_that_there_are(
    admin: Api, bot: Api
) -> None:
    asked = wanted(None, preset="github", claims={"repository": "a/b", "branch": "main"})
    refused = await admin.post("/trust", asked)
    (error,) = problem(refused, 422, "invalid-request")["errors"]
    assert error["pointer"] == "/claims/branch"
    assert "`repository_id`" in error["detail"]


@pytest.mark.parametrize(
    ("preset", "claims", "issuer"),
    [
        ("github", {"repository": "acme/*"}, GITHUB),
        ("github", {"repository_id": "5", "environment": "production"}, GITHUB),
        (
            "github",
            {"repository_owner_id": "5", "job_workflow_ref": "acme/ci/.github/workflows/a.yml@*"},
            GITHUB,
        ),
        ("gitlab", {"project_path": "acme/churn", "ref_protected": "true"}, "https://gitlab.com"),
        ("gitlab", {"project_id": "5"}, "https://gitlab.com"),
    ],
)
async def test_a_preset_knows_the_issuer(
    admin: Api, bot: Api, preset: str, claims: dict[str, str], issuer: str
) -> None:
    asked = wanted(None, preset=preset, claims=claims)
    made = await admin.post("/trust", asked)
    assert made.status_code == 201, made.text
    assert made.json()["issuer"] == issuer
    own = {**asked, "name": "own", "issuer": "https://git.acme.example"}
    assert (await admin.post("/trust", own)).json()["issuer"] == "https://git.acme.example"


async def test_a_change_obeys_the_preset(admin: Api, bot: Api) -> None:
    asked = wanted(None, preset="github")
    assert (await admin.post("/trust", asked)).status_code == 201
    refused = await admin.patch("/trust/churn-ci", {"claims": {"ref": "refs/heads/main"}})
    assert pointers(problem(refused, 422, "invalid-request")) == {"/claims"}
    for null in ("issuer", "claims", "scopes", "minutes", "identity", "audience"):
        refused = await admin.patch("/trust/churn-ci", {null: None})
        assert pointers(problem(refused, 422, "invalid-request")) == {f"/{null}"}


async def test_a_service_account_that_is_disabled_is_not_tied(admin: Api, bot: Api) -> None:
    await admin.patch("/identities/ci", {"disabled": True})
    refused = await admin.post("/trust", wanted(SOMEWHERE))
    assert pointers(problem(refused, 422, "invalid-request")) == {"/identity"}


@pytest.mark.parametrize("how", ["delete", "change", "disable"])
async def test_what_was_exchanged_ends_with_the_trust(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange, how: str
) -> None:
    given = [(await exchange(issuer.token(**FITTING))).json() for _ in range(2)]
    tokens = [Api(admin.http, one["secret"], "ci") for one in given]
    assert [(await token.get("/me")).status_code for token in tokens] == [200, 200]
    if how == "delete":
        assert (await admin.delete("/trust/churn-ci")).status_code == 204
    elif how == "change":
        await admin.patch("/trust/churn-ci", {"claims": {"repository": "acme/other"}})
    else:
        await admin.patch("/identities/ci", {"disabled": True})
        await admin.patch("/identities/ci", {"disabled": False})
    assert [(await token.get("/me")).status_code for token in tokens] == [401, 401]
    ended = [e for e in await events(admin) if e["action"] == "token.revoked"]
    assert {e["subject"] for e in ended} == {f"token:{one['id']}" for one in given}
    assert all(e["actor"] == "admin" and e["details"]["reason"] for e in ended)


async def test_a_change_of_nothing_ends_nothing(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    given = (await exchange(issuer.token(**FITTING))).json()
    assert (await admin.patch("/trust/churn-ci", {"minutes": 15})).status_code == 200
    assert (await Api(admin.http, given["secret"], "ci").get("/me")).status_code == 200


async def test_a_token_is_tried_without_being_used_up(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    async def tried(token: str) -> dict[str, Any]:
        answer = await admin.post("/trust/churn-ci/test", {"token": token})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    token = issuer.token(**FITTING)
    assert (await tried(token))["fits"] is True
    assert (await exchange(token)).status_code == 201
    used = await tried(token)
    assert (used["fits"], used["used"], used["problem"]) == (False, True, None)
    other = await tried(issuer.token(**{**FITTING, "ref": "refs/heads/feature"}))
    assert other["fits"] is False
    assert [one["claim"] for one in other["claims"] if not one["matches"]] == ["ref"]
    assert other["claims"][0]["values"] == ["refs/heads/feature"]
    expired = await tried(issuer.token(iat=1, nbf=1, exp=2))
    assert (expired["fits"], expired["claims"]) == (False, [])
    assert "expired" in expired["problem"]
    await admin.patch("/identities/ci", {"disabled": True})
    assert "disabled" in (await tried(issuer.token(**FITTING)))["problem"]
    gone = await admin.post("/trust/nothing/test", {"token": token})
    problem(gone, 404, "not-found")
