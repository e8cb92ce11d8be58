"""Two decisions at once, by people at two server processes: each has one outcome, with its event
and its change, and nobody gets a fault of the service. Each is repeated: unguarded, and with the
one and with the other first."""

from collections import Counter
from functools import partial
from typing import Any

from tests.faults.racing import Ring, Round, codes, ok, rounds, slug


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


async def test_two_operators_who_compare_go_back_one_step(ring: Ring) -> None:
    async def one(each: Round) -> None:
        await each.begin(3)
        await each.live(3)
        answers = await each.race(
            partial(each.roll_back, each.here, expected_incumbent=3),
            partial(each.roll_back, each.there, expected_incumbent=3),
        )
        assert Counter(codes(answers)) == {200: 1, 409: 1}
        (refused,) = [a for a in answers if a.status_code == 409]
        assert (slug(refused), refused.json()["incumbent"]) == ("incumbent-changed", 2)
        assert (await each.stages())["live"] == [2]
        again = await each.roll_back(each.there, expected_incumbent=3)
        assert (again.status_code, slug(again)) == (409, "incumbent-changed")

    await rounds(ring, one)


async def test_two_operators_who_compare_nothing_go_back_a_step_for_each_success(
    ring: Ring,
) -> None:
    """Under way at once, only one succeeds; the other one is only later if it came later."""

    async def one(each: Round) -> None:
        await each.begin(3)
        await each.live(3)
        answers = await each.race(
            partial(each.roll_back, each.here), partial(each.roll_back, each.there)
        )
        steps = codes(answers).count(200)
        assert set(codes(answers)) <= {200, 409}
        assert steps == 1 or (steps == 2 and each.is_unguarded)
        assert (await each.stages())["live"] == [3 - steps]

    await rounds(ring, one)


async def test_rollback_against_apply(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(3)
        await each.live(2)
        promotion = await each.ask(3, "live")
        answers = await each.race(
            partial(each.roll_back, each.here, expected_incumbent=2),
            partial(each.there.ci.post, f"{promotion}/apply", {"expected_incumbent": 2}),
        )
        return codes(answers), (await each.stages())["live"], await each.status(promotion)

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 409), [1], "superseded")),
        str(((409, 200), [3], "applied")),
    }


async def test_rollback_against_recall_of_the_version_that_would_return(ring: Ring) -> None:
    async def one(each: Round) -> Any:
        await each.begin(2)
        await each.live(2)
        answers = await each.race(
            partial(each.roll_back, each.here),
            partial(each.there.mia.post, f"{each.path}/versions/1/recall", {"reason": "Bad."}),
        )
        return codes(answers), (await each.stages())["live"]

    assert {str(found) for found in await rounds(ring, one)} == {
        str(((200, 200), [1])),
        str(((409, 200), [2])),
    }
