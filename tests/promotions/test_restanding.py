"""Open promotions follow what becomes of those who reviewed them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.core.runtime import Runtime
from app.promotions.service import restand
from tests.actors import Team
from tests.promotions.acting import (
    People,
    approve,
    look,
    open_promotion,
    registered,
    say,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
Change = Callable[[People], Awaitable[Any]]

REVIEWER = {"subject": "bob", "role": "reviewer", "models": "*"}
OF_GROUP = {"subject": "risk-team", "role": "reviewer", "models": "*"}


async def do_jobs(sql: Sql, runtime: Runtime) -> int:
    """Do what a worker would do about it, and say how many jobs there were."""
    found = await sql.execute(
        "delete from procrastinate_jobs where task_name = 'promotions.restand' returning args"
    )
    jobs = [args for (args,) in await found.fetchall()]
    for args in jobs:
        await restand(runtime, **args)
    return len(jobs)


async def listed(people: People) -> list[str]:
    found = await people.alice.get("/promotions", params={"to": "production"})
    return [item["status"] for item in found.json()["items"]]


async def approved_by_bob(people: People) -> dict[str, Any]:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    assert await listed(people) == ["approved"]
    return promotion


async def disable(people: People) -> Any:
    return await people.admin.patch("/identities/bob", {"disabled": True})


async def enable(people: People) -> Any:
    return await people.admin.patch("/identities/bob", {"disabled": False})


async def lose_the_grant(people: People) -> Any:
    return await people.admin.delete("/grants", params=REVIEWER)


async def have_the_grant(people: People) -> Any:
    return await people.admin.put("/grants", json=REVIEWER)


async def leave(people: People) -> Any:
    return await people.admin.delete("/groups/risk-team/members/bob")


async def join(people: People) -> Any:
    return await people.admin.put("/groups/risk-team/members/bob")


async def lose_the_groups_grant(people: People) -> Any:
    return await people.admin.delete("/grants", params=OF_GROUP)


async def have_the_groups_grant(people: People) -> Any:
    return await people.admin.put("/grants", json=OF_GROUP)


async def dissolve(people: People) -> Any:
    return await people.admin.delete("/groups/risk-team")


async def found_again(people: People) -> Any:
    await people.admin.post("/groups", {"name": "risk-team"})
    await have_the_groups_grant(people)
    return await join(people)


@pytest.mark.parametrize(
    ("lose", "regain", "by_group"),
    [
        (disable, enable, False),
        (lose_the_grant, have_the_grant, False),
        (leave, join, True),
        (lose_the_groups_grant, have_the_groups_grant, True),
        (dissolve, found_again, True),
    ],
)
async def test_lists_follow_a_reviewer_who_may_not_any_more_and_may_again(
    people: People, sql: Sql, runtime: Runtime, lose: Change, regain: Change, by_group: bool
) -> None:
    if by_group:
        await found_again(people)
        await lose_the_grant(people)
    promotion = await approved_by_bob(people)
    assert await do_jobs(sql, runtime) == 0
    tag = (await people.alice.get(f"/promotions/{promotion['id']}")).headers["etag"]
    assert (await lose(people)).is_success
    assert await do_jobs(sql, runtime) == 1
    assert await listed(people) == ["open"]
    assert (await people.alice.get(f"/promotions/{promotion['id']}")).headers["etag"] != tag
    assert (await regain(people)).is_success
    assert await do_jobs(sql, runtime) >= 1
    assert await listed(people) == ["approved"]


async def test_a_single_promotion_does_not_wait_for_the_job(people: People) -> None:
    promotion = await approved_by_bob(people)
    await disable(people)
    assert (await look(people.alice, promotion))["status"] == "open"
    applied = await people.alice.post(f"/promotions/{promotion['id']}/apply")
    assert applied.status_code == 409
    await enable(people)
    assert (await look(people.alice, promotion))["status"] == "approved"


async def test_whoever_reviewed_nothing_open_makes_no_job(
    people: People, sql: Sql, runtime: Runtime
) -> None:
    promotion = await approved_by_bob(people)
    await people.admin.patch("/identities/dan", {"disabled": True})
    await people.alice.post(f"/promotions/{promotion['id']}/apply")
    await disable(people)
    assert await do_jobs(sql, runtime) == 0


async def test_a_rejection_of_somebody_disabled_does_not_block(
    people: People, sql: Sql, runtime: Runtime, team: Team
) -> None:
    rules = {"name": "production", "from": ["staging"], "exclusive": True}
    approvals = [{"count": 2, "roles": ["reviewer"]}]
    policy = {"stages": [{"name": "staging", "from": ["none"]}, {**rules, "approvals": approvals}]}
    assert (await people.admin.put("/policy", json=policy)).is_success
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await say(people.bob, promotion, "reject")
    for reviewer in (people.mia, await team.person("eve", "reviewer")):
        await approve(reviewer, promotion)
    assert await listed(people) == ["open"]
    await disable(people)
    assert await do_jobs(sql, runtime) == 1
    assert await listed(people) == ["approved"]


async def test_another_owner_is_a_change_of_whose_word_counts(
    people: People, sql: Sql, runtime: Runtime
) -> None:
    """Bob approves what `ci` asked for, and then becomes the owner of `ci`."""
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.ci, 1, "production")
    await approve(people.bob, promotion)
    assert await listed(people) == ["approved"]
    await people.admin.patch("/identities/ci", {"owner": "bob"})
    assert await do_jobs(sql, runtime) == 1
    assert await listed(people) == ["open"]


async def test_its_job_holds_ids_only(people: People, sql: Sql) -> None:
    """A redaction does not look into jobs."""
    await approved_by_bob(people)
    await disable(people)
    rows = await (await sql.execute("select args from procrastinate_jobs")).fetchall()
    found = [each for (args,) in rows for each in args.get("reviewers", [])]
    assert found
    assert [str(UUID(each)) for each in found] == found
