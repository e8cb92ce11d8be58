"""Rollbacks against each other and against what else happens to their stage, at two servers."""

from collections import Counter
from functools import partial
from typing import Any

from tests.faults.racing import Ring, Round, codes, rounds, slug


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
