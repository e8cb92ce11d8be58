"""The way back in for an operator."""

from typing import Any

import psycopg
import pytest

from app.access.recovery import CannotRecover, issue_admin_token
from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.factories import events

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def recover(
    runtime: Runtime, admin: Api, name: str | None = None, *, make_admin: bool = False
) -> Api:
    async with runtime.db.transaction() as session:
        holder, secret = await issue_admin_token(
            session,
            name,
            days=2,
            make_admin=make_admin,
            signing_key=runtime.settings.signing_key,
        )
    return Api(admin.http, secret, holder)


async def strand(sql: Sql) -> None:
    """What only somebody past the application could do."""
    await sql.execute("update identities set disabled_at = now() where name = 'admin'")


async def test_the_only_admin_comes_back_with_a_token_of_all_scopes(
    admin: Api, runtime: Runtime
) -> None:
    mine = (await admin.get("/me")).json()["token"]["id"]
    assert (await admin.delete(f"/tokens/{mine}")).status_code == 204
    again = await recover(runtime, admin)
    me = (await again.get("/me")).json()
    assert (me["name"], me["is_admin"]) == ("admin", True)
    assert me["token"]["scopes"] == ["admin", "read", "review", "write"]
    issued = (await events(again, action="token.issued"))[-1]
    assert issued["actor"] == "stageward"
    assert issued["details"]["by"] == "admin-token"
    assert again.token not in str(issued)


async def test_among_several_admins_the_operator_says_which(
    admin: Api, team: Team, runtime: Runtime
) -> None:
    alice = await team.person("alice")
    await admin.post("/groups", {"name": "operators"})
    await admin.put("/groups/operators/members/alice")
    await team.grant("operators", "admin")
    await team.service("bot", alice, "admin")
    with pytest.raises(CannotRecover, match="--identity: admin or alice or bot"):
        await recover(runtime, admin)
    for name in ("alice", "bot"):
        assert (await (await recover(runtime, admin, name)).get("/me")).json()["is_admin"]


async def test_a_machine_among_the_admins_does_not_keep_the_only_person_from_being_meant(
    admin: Api, runtime: Runtime, team: Team
) -> None:
    await team.service("bot", admin, "admin")
    assert (await recover(runtime, admin)).name == "admin"


@pytest.mark.parametrize("make_admin", [False, True])
async def test_nobody_becomes_an_admin_while_there_is_one(
    admin: Api, team: Team, runtime: Runtime, make_admin: bool
) -> None:
    await team.person("alice", "maintainer")
    for name in ("alice", "nobody"):
        with pytest.raises(CannotRecover, match="is not an enabled admin"):
            await recover(runtime, admin, name, make_admin=make_admin)
    assert (await admin.get("/identities/nobody")).status_code == 404


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("admin", ["identity.enabled", "token.issued"]),
        (None, ["identity.enabled", "token.issued"]),
        ("alice", ["grant.given", "token.issued"]),
        ("eve", ["identity.created", "grant.given", "token.issued"]),
    ],
)
async def test_where_no_admin_is_left_one_is_made_if_the_operator_says_so(
    admin: Api,
    team: Team,
    runtime: Runtime,
    sql: Sql,
    name: str | None,
    recorded: list[str],
) -> None:
    await team.person("alice", "maintainer")
    await strand(sql)
    with pytest.raises(CannotRecover, match="--make-admin"):
        await recover(runtime, admin, name)
    again = await recover(runtime, admin, name, make_admin=True)
    assert (await again.get("/me")).json()["is_admin"]
    told = [e for e in await events(again, actor="stageward") if e["details"].get("by")]
    assert [e["action"] for e in told] == recorded


@pytest.mark.parametrize("name", ["a/b", " ", "-x", "é", "a" * 129])
async def test_a_name_that_the_api_forbids_is_refused(
    admin: Api, runtime: Runtime, sql: Sql, name: str
) -> None:
    await strand(sql)
    with pytest.raises(CannotRecover, match="1 to 128 letters"):
        await recover(runtime, admin, name, make_admin=True)
