"""Two decisions at once, by people at two server processes: each has one outcome, with its event
and its change, and nobody gets a fault of the service. Each is repeated: unguarded, and with the
one and with the other first."""

import asyncio
import random
from collections import Counter
from functools import partial
from typing import Any

from tests.faults.racing import POLICY, Request, Ring, Round, codes, ok, rounds, slug
from tests.faults.wholeness import check_whole

CROWD = 32


async def test_of_many_that_apply_one_does(ring: Ring) -> None:
    async def one(each: Round) -> None:
        await each.begin(1)
        promotion = await each.approved(1)
        actors = [each.here.ci, each.there.ci, each.here.alice, each.there.dan]
        answers = await each.race(*(partial(a.post, f"{promotion}/apply") for a in actors))
        assert Counter(codes(answers)) == {200: 1, 409: 3}
        assert {slug(a) for a in answers if a.status_code == 409} == {"promotion-ended"}
        assert await each.stages() == {"production": [1]}

    await rounds(ring, one)


async def test_apply_against_reject(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.mia.post, f"{promotion}/reviews", {"decision": "reject"}),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), "applied", {"production": [1]})),
        str(((409, 201), "rejected", {})),
    }


async def test_apply_against_withdraw(ring: Ring) -> None:
    """Whoever gave the one approval takes it back while it is applied."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.bob.post, f"{promotion}/reviews", {"decision": "withdraw"}),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), "applied", {"production": [1]})),
        str(((409, 201), "open", {})),
    }


async def test_apply_against_delete_of_the_version(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.ask(1, "staging")
        answers = await each.race(
            partial(each.here.alice.post, f"{promotion}/apply"),
            partial(each.there.mia.delete, f"{each.path}/versions/1"),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), "applied", {"staging": [1]})),
        str(((409, 204), "voided", {})),
    }


async def test_apply_against_delete_of_the_model(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.ask(1, "staging")
        answers = await each.race(
            partial(each.here.alice.post, f"{promotion}/apply"),
            partial(each.there.mia.delete, each.path),
        )
        if answers[1].status_code == 204:
            ok(await each.here.mia.post(f"{each.path}/restore"))
        return codes(answers), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), {"staging": [1]})),
        str(((404, 204), {})),
    }


async def test_two_versions_to_one_stage(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(2)
        both = [await each.approved(number) for number in (1, 2)]
        answers = await each.race(
            partial(each.here.ci.post, f"{both[0]}/apply"),
            partial(each.there.ci.post, f"{both[1]}/apply"),
        )
        statuses = tuple([await each.status(promotion) for promotion in both])
        return codes(answers), statuses, await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), ("applied", "superseded"), {"production": [1]})),
        str(((409, 200), ("superseded", "applied"), {"production": [2]})),
    }


async def test_review_against_cancel(ring: Ring) -> None:
    """A review may come first, and is then part of what was cancelled; never afterwards."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.ask(1, "production")
        answers = await each.race(
            partial(each.here.bob.post, f"{promotion}/reviews", {"decision": "approve"}),
            partial(each.there.alice.post, f"{promotion}/cancel"),
        )
        shown = ok(await each.there.carol.get(promotion))
        return codes(answers), shown["status"], len(shown["reviews"])

    assert set(await rounds(ring, one)) == {
        ((201, 200), "cancelled", 1),
        ((409, 200), "cancelled", 0),
    }


async def test_two_reviews_are_both_kept(ring: Ring) -> None:
    """Neither overwrites what the other found: the one that rejects ends it."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.ask(1, "production")
        answers = await each.race(
            partial(each.here.bob.post, f"{promotion}/reviews", {"decision": "approve"}),
            partial(each.there.mia.post, f"{promotion}/reviews", {"decision": "reject"}),
        )
        shown = ok(await each.there.carol.get(promotion))
        return codes(answers), shown["status"], len(shown["reviews"])

    assert set(await rounds(ring, one)) == {
        ((201, 201), "rejected", 2),
        ((409, 201), "rejected", 1),
    }


async def test_of_two_who_ask_for_the_same_one_is_told_of_the_other(ring: Ring) -> None:
    async def one(each: Round) -> None:
        await each.begin(1)
        path = f"{each.path}/versions/1/promotions"
        body = {"to": "staging", "reason": "It is better."}
        answers = await each.race(
            partial(each.here.alice.post, path, body), partial(each.there.dan.post, path, body)
        )
        assert Counter(codes(answers)) == {201: 1, 409: 1}
        (first,) = [a.json()["id"] for a in answers if a.status_code == 201]
        (second,) = [a.json() for a in answers if a.status_code == 409]
        assert second["promotion"] == first

    await rounds(ring, one)


async def test_apply_against_a_check_that_fails(ring: Ring) -> None:
    """CI says that these bytes are bad: before it was applied, or too late."""
    gate = {"type": "check", "name": "robustness", "reported_by": {"identities": ["ci"]}}

    async def one(each: Round) -> Any:
        await each.begin(1)
        own = {"stages": [{"name": "production", "gates": [gate]}]}
        ok(await each.near.mia.put(f"{each.path}/policy", json=own))
        check = f"{each.path}/versions/1/checks/robustness"
        ok(await each.near.ci.put(check, json={"status": "success"}))
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.dan.post, f"{promotion}/apply"),
            partial(each.there.ci.put, check, json={"status": "failure"}),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 201), "applied", {"production": [1]})),
        str(((409, 201), "open", {})),
    }


async def test_apply_against_an_edited_description(ring: Ring) -> None:
    """Nothing is smuggled in between the approval and the application."""

    async def one(each: Round) -> Any:
        await each.begin(1)
        promotion = await each.approved(1)
        answers = await each.race(
            partial(each.here.ci.post, f"{promotion}/apply"),
            partial(each.there.alice.patch, f"{each.path}/versions/1", {"description": "New."}),
        )
        return codes(answers), await each.status(promotion), await each.stages()

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 200), "applied", {"production": [1]})),
        str(((409, 200), "open", {})),
    }


async def test_everything_at_once_on_a_few_models_leaves_them_whole(ring: Ring) -> None:
    """No order, no expectation of who wins: no fault, no deadlock, and nothing half-done."""
    several = [Round(ring, turn) for turn in range(2)]
    asked: list[Request] = []
    failed = {"status": "failure"}
    for each in several:
        await each.begin(4)
        await each.live(2)
        promotions = [await each.approved(3), await each.ask(4, "live"), await each.approved(4)]
        for people in (each.here, each.there):
            for promotion in promotions:
                asked += [
                    partial(people.ci.post, f"{promotion}/apply"),
                    partial(people.bob.post, f"{promotion}/reviews", {"decision": "approve"}),
                    partial(people.mia.post, f"{promotion}/reviews", {"decision": "reject"}),
                    partial(people.carol.get, promotion),
                ]
            asked += [
                partial(people.alice.post, f"{promotions[0]}/cancel"),
                partial(each.roll_back, people),
                partial(people.mia.put, f"{each.path}/policy", json={"freeze": []}),
                partial(people.mia.delete, f"{each.path}/policy"),
                partial(people.mia.delete, f"{each.path}/versions/4"),
                partial(people.dan.put, f"{each.path}/aliases/x", json={"version": 3}),
                partial(people.ci.put, f"{each.path}/versions/3/checks/c", json=failed),
                partial(people.alice.patch, f"{each.path}/versions/3", {"description": "New."}),
                partial(people.admin.put, "/policy", json=POLICY),
                partial(people.carol.get, "/promotions"),
            ]  # fmt: skip
    random.Random(7).shuffle(asked)
    crowds = [asked[start : start + CROWD] for start in range(0, len(asked), CROWD)]
    answers = [a for crowd in crowds for a in await asyncio.gather(*(ask() for ask in crowd))]
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 403, 404, 409, 422}, [
        answer.text for answer in answers if answer.status_code >= 500
    ]
    for each in several:
        await check_whole(ring.sql, each.model)
