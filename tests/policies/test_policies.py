"""Policies: what is in force, and every revision as it was set."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from app.core.actor import Role
from app.policies.rules import ApprovalRule, Incumbent, parse
from tests.actors import Api, Team
from tests.factories import make_model, problem

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_the_default_policy_is_the_one_of_the_contract(admin: Api) -> None:
    found = await admin.get("/policy")
    assert found.status_code == 200, found.text
    body = found.json()
    ways = {stage["name"]: set(stage["from"]) for stage in body["stages"]}
    assert ways == {
        "staging": {"none", "archived"},
        "production": {"staging"},
        "archived": {"none", "staging", "production"},
    }
    staging, production, archived = body["stages"]
    assert (staging["approvals"], staging["gates"], staging["exclusive"]) == ([], [], False)
    assert (archived["approvals"], archived["exclusive"]) == ([], False)
    assert production == {
        "name": "production",
        "from": ["staging"],
        "exclusive": True,
        "incumbent": "archive",
        "approvals": [{"count": 1, "roles": ["reviewer"], "groups": [], "identities": []}],
        "allow_self_approval": False,
        "allow_author_approval": False,
        "expires_after_hours": None,
        "min_hours_in_source": None,
        "gates": [],
    }
    assert (body["revision"], body["model"], body["replaces_default"]) == (1, None, False)
    assert (body["protected_aliases"], body["freeze"], body["loosened"]) == ([], [], False)
    tag = found.headers["etag"]
    again = await admin.get("/policy", headers={"If-None-Match": tag})
    assert again.status_code == 304


async def test_everybody_reads_the_policy_of_the_models_they_see(admin: Api, team: Team) -> None:
    await make_model(admin)
    reader = await team.person("carol", "reader", models="churn")
    nobody = await team.person("nobody")
    found = await reader.get("/models/churn/policy")
    default = (await reader.get("/policy")).json()
    assert found.json()["stages"] == default["stages"]
    assert (found.json()["model"], found.json()["revision"]) == ("churn", 1)
    assert (await nobody.get("/policy")).status_code == 200
    problem(await nobody.get("/models/churn/policy"), 404, "not-found")
    problem(await reader.get("/models/other/policy"), 404, "not-found")


async def test_a_revision_stays_readable_when_it_is_no_longer_in_force(
    admin: Api, sql: Sql
) -> None:
    body = {
        "stages": [{"name": "staging", "from": ["none"]}],
        "freeze": [
            {"from": "2026-12-20T00:00:00Z", "to": "2027-01-02T00:00:00Z", "reason": "Holidays."}
        ],
    }
    made = await sql.execute(
        "insert into policy_revisions (body, created_by) values (%s, 'test') returning revision",
        [json.dumps(body)],
    )
    row = await made.fetchone()
    assert row is not None
    now = (await admin.get("/policy")).json()
    assert now["revision"] == row[0]
    assert [stage["name"] for stage in now["stages"]] == ["staging", "archived"]
    assert now["freeze"][0]["from"] == "2026-12-20T00:00:00.000000Z"
    assert (await admin.get(f"/policies/{row[0]}")).json() == now
    first = (await admin.get("/policies/1")).json()
    assert [stage["name"] for stage in first["stages"]] == ["staging", "production", "archived"]


async def test_a_revision_of_a_hidden_model_is_not_there(admin: Api, team: Team, sql: Sql) -> None:
    await make_model(admin, "secret")
    made = await sql.execute(
        "insert into policy_revisions (model_id, body, created_by) "
        """select id, '{"stages": []}', 'test' from models returning revision"""
    )
    row = await made.fetchone()
    assert row is not None
    assert (await admin.get(f"/policies/{row[0]}")).json()["model"] == "secret"
    stranger = await team.person("eve", "maintainer", models="other")
    problem(await stranger.get(f"/policies/{row[0]}"), 404, "not-found")


@pytest.mark.parametrize(
    ("revision", "status"), [("9999", 404), ("99999999999999999999", 404), ("0", 422), ("x", 422)]
)
async def test_what_is_no_revision(admin: Api, revision: str, status: int) -> None:
    assert (await admin.get(f"/policies/{revision}")).status_code == status


@pytest.mark.parametrize("statement", ["update policy_revisions set body = '{}'",
                                       "delete from policy_revisions",
                                       "truncate policy_revisions cascade"])  # fmt: skip
async def test_postgresql_refuses_to_change_a_revision(sql: Sql, statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        await sql.execute(statement)


def test_a_body_is_read_with_its_defaults() -> None:
    policy = parse(
        {
            "stages": [
                {"name": "canary", "from": ["staging"], "approvals": [{"count": 2}]},
                {
                    "name": "production",
                    "from": [],
                    "exclusive": True,
                    "approvals": [
                        {"count": 1, "roles": ["maintainer"], "groups": None},
                        {"count": 1, "identities": ["bob"]},
                    ],
                },
            ],
            "protected_aliases": ["champion"],
            "freeze": [
                {"from": "2026-12-20T00:00:00+00:00", "to": "2027-01-02T00:00:00Z", "reason": "X"}
            ],
        }
    )
    canary, production, archived = policy.stages
    assert archived.from_stages == ("none", "canary", "production")
    assert (canary.exclusive, canary.incumbent) == (False, Incumbent.KEEP)
    assert (production.incumbent, len(production.approvals)) == (Incumbent.ARCHIVE, 2)
    assert production.approvals[0] == ApprovalRule(1, roles=(Role.MAINTAINER,))
    assert policy.rule_for("production") is production
    assert policy.rule_for("nowhere") is None
    assert policy.protected_aliases == {"champion"}
    beginning, end = datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    assert policy.frozen_at(beginning) is not None
    assert policy.frozen_at(end) is None
