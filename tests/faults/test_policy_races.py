"""A policy changes while something is decided under it: either the decision came first, or it was
made under the new policy. Nothing in between, and no name that comes to mean two things."""

from functools import partial
from typing import Any

from tests.faults.racing import (
    EVERY,
    LIVE,
    POLICY,
    PRODUCTION,
    STAGING,
    Ring,
    Round,
    codes,
    ok,
    rounds,
    slug,
)

TWO = {"stages": [{"name": "production", "approvals": [{"count": 2, "roles": ["reviewer"]}]}]}
BLUE = {"name": "blue", "from": ["none", "archived"], "exclusive": True}
SEVERAL = {**BLUE, "exclusive": False, "incumbent": "keep"}
ELSE = {"stages": [{"name": "green", "from": ["none"]}]}
STRICT = {
    "stages": [STAGING, LIVE, {**PRODUCTION, "approvals": [{"count": 2, "roles": ["reviewer"]}]}]
}


async def test_apply_against_a_stricter_policy_of_the_model(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.mia.put, f"{each.path}/policy", json=TWO),
        )
        revision = answers[1].json()["revision"]
        shown = ok(await each.there.carol.get(promotion))
        (review,) = shown["reviews"]
        is_new = shown["policy_revision"] == revision
        return codes(answers), shown["status"], is_new, review["stale"], await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 200), "applied", False, False, {"production": [1]})),
        str(((409, 200), "open", True, True, {})),
    }


async def test_apply_against_a_stricter_default(ring: Ring) -> None:
    """One round after another: the default is everybody's."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.admin.put, "/policy", json=STRICT),
            hold=EVERY,
        )
        shown = ok(await each.there.carol.get(promotion))
        ok(await each.here.admin.put("/policy", json=POLICY))
        is_new = shown["policy_revision"] == answers[1].json()["revision"]
        return codes(answers), shown["status"], is_new, await each.stages()

    assert {str(found) for found in await rounds(ring, one, side_by_side=1)} == {
        str(((200, 200), "applied", False, {"production": [1]})),
        str(((409, 200), "open", True, {})),
    }


async def test_review_against_a_changed_policy(ring: Ring) -> None:
    """An approval counts under the policy that it saw, and under no other."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.ask(1, "production")
        own = {"stages": [{"name": "production", "expires_after_hours": 48}]}
        answers = await each.race(
            partial(each.here.bob.post, f"{promotion}/reviews", {"decision": "approve"}),
            partial(each.there.mia.put, f"{each.path}/policy", json=own),
        )
        shown = ok(await each.there.carol.get(promotion))
        (review,) = shown["reviews"]
        assert shown["policy_revision"] == answers[1].json()["revision"]
        assert review["stale"] == (review["policy_revision"] != shown["policy_revision"])
        return codes(answers), shown["status"], review["counts"], review["stale"]

    assert set(await rounds(ring, one)) == {
        ((201, 200), "open", False, True),
        ((201, 200), "approved", True, False),
    }


async def test_entering_a_stage_against_a_policy_without_it(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        ok(await each.near.mia.put(f"{each.path}/policy", json={"stages": [BLUE]}))
        promotion = await each.ask(1, "blue")
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.mia.put, f"{each.path}/policy", json=ELSE),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), "applied", {"blue": [1]})),
        str(((409, 200), "voided", {})),
    }


async def test_rollback_into_a_stage_against_a_policy_without_it(ring: Ring) -> None:
    """Nobody holds it any more, so it may go; then nobody returns to it."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        ok(await each.near.mia.put(f"{each.path}/policy", json={"stages": [BLUE]}))
        await each.ask(1, "blue", at_once=True)
        body = {"to": "archived", "reason": "It is old.", "apply": True}
        ok(await each.near.mia.post(f"{each.path}/versions/1/promotions", body))
        answers = await each.race(
            partial(each.roll_back, each.here, stage="blue"),
            partial(each.there.mia.delete, f"{each.path}/policy"),
        )
        return codes(answers), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), {"blue": [1]})),
        str(((404, 204), {"archived": [1]})),
    }


async def test_rollback_against_a_policy_that_lets_several_hold_the_stage(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(2)
        ok(await each.near.mia.put(f"{each.path}/policy", json={"stages": [BLUE]}))
        for number in (1, 2):
            await each.ask(number, "blue", at_once=True)
        answers = await each.race(
            partial(each.roll_back, each.here, stage="blue"),
            partial(each.there.mia.put, f"{each.path}/policy", json={"stages": [SEVERAL]}),
        )
        return codes(answers), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 200), {"archived": [2], "blue": [1]})),
        str(((409, 200), {"archived": [1], "blue": [2]})),
    }


async def test_an_alias_against_a_stage_of_its_name(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        answers = await each.race(
            partial(each.here.dan.put, f"{each.path}/aliases/Blue", json={"version": 1}),
            partial(each.there.mia.put, f"{each.path}/policy", json={"stages": [BLUE]}),
        )
        return codes(answers), *(slug(a) for a in answers if a.status_code == 409)

    assert set(await rounds(ring, one)) == {
        ((200, 409), "stage-name-taken"),
        ((409, 200), "alias-is-stage"),
    }


async def test_an_alias_against_a_policy_that_protects_it(ring: Ring) -> None:
    """Dan, a contributor, is either before the policy or refused."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        answers = await each.race(
            partial(each.here.dan.put, f"{each.path}/aliases/champion", json={"version": 1}),
            partial(
                each.there.mia.put, f"{each.path}/policy", json={"protected_aliases": ["champion"]}
            ),
        )
        told = ok(await each.there.admin.get("/events", params={"model": each.model}))["items"]
        order = [e["action"] for e in told if e["action"] in ("alias.set", "policy.set")]
        return codes(answers), tuple(order)

    assert set(await rounds(ring, one)) == {
        ((200, 200), ("alias.set", "policy.set")),
        ((403, 200), ("policy.set",)),
    }


async def test_a_version_against_a_stage_of_its_name(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        answers = await each.race(
            partial(each.here.dan.post, f"{each.path}/versions", {"name": "Blue"}),
            partial(each.there.mia.put, f"{each.path}/policy", json={"stages": [BLUE]}),
        )
        return codes(answers)

    assert set(await rounds(ring, one)) == {(201, 409), (409, 200)}


async def test_two_who_set_the_policy_do_not_overwrite_each_other_unseen(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(0)
        path = f"{each.path}/policy"
        seen = (await each.here.mia.get(path)).headers["etag"]
        answers = await each.race(
            *(
                partial(people.mia.put, path, json=own, headers={"If-Match": seen})
                for people, own in ((each.here, TWO), (each.there, ELSE))
            )
        )
        return codes(answers)

    assert set(await rounds(ring, one)) == {(200, 412), (412, 200)}


async def test_the_default_against_the_policy_of_a_model(ring: Ring) -> None:
    """Both are set, whoever is first, and the model has both."""

    async def one(each: Round) -> Any:
        await each.begin(0)
        default = {**POLICY, "protected_aliases": [f"a{each.turn}"]}
        answers = await each.race(
            partial(each.here.admin.put, "/policy", json=default),
            partial(each.there.mia.put, f"{each.path}/policy", json={"stages": [BLUE]}),
            hold=EVERY,
        )
        found = ok(await each.here.carol.get(f"{each.path}/policy"))
        assert found["revision"] == max(answer.json()["revision"] for answer in answers)
        assert found["protected_aliases"] == [f"a{each.turn}"]
        assert "blue" in {stage["name"] for stage in found["stages"]}
        return codes(answers)

    assert set(await rounds(ring, one, side_by_side=1)) == {(200, 200)}
    ok(await ring.here.admin.put("/policy", json=POLICY))
