"""Those who ask at the same time are answered together, by what is true after they asked."""

import asyncio

import psycopg
import pytest

from app.core.runtime import Runtime
from app.core.shared import Together


class Answers:
    """Notes what it is asked, and answers when it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.fails = False
        self.let_go = asyncio.Event()

    async def __call__(self, questions: list[int]) -> list[str]:
        self.asked.append(questions)
        await self.let_go.wait()
        if self.fails:
            raise ConnectionError("away")
        return [f"{each} in {len(self.asked)}" for each in questions]


async def begun(together: Together[int, str], *questions: int) -> list[asyncio.Task[str]]:
    asking = [asyncio.ensure_future(together(each)) for each in questions]
    for _ in range(3):
        await asyncio.sleep(0)
    return asking


async def test_who_asks_while_an_answer_is_under_way_gets_the_next_one() -> None:
    answers = Answers()
    together = Together(answers, most=10)
    first = await begun(together, 1)
    later = await begun(together, 1, 2, 1, 3)
    answers.let_go.set()
    assert await asyncio.gather(*first) == ["1 in 1"]
    assert await asyncio.gather(*later) == ["1 in 2", "2 in 2", "1 in 2", "3 in 2"]
    assert answers.asked == [[1], [1, 2, 3]], "each question once, and none in what had begun"


async def test_no_more_than_so_many_are_answered_at_a_time() -> None:
    answers = Answers()
    answers.let_go.set()
    together = Together(answers, most=2)
    await asyncio.gather(*(together(each) for each in range(5)))
    assert answers.asked == [[0, 1], [2, 3], [4]]


async def test_a_fault_is_told_to_all_who_share_it_and_to_nobody_after() -> None:
    answers = Answers()
    answers.fails = True
    answers.let_go.set()
    together = Together(answers, most=10)
    told = await asyncio.gather(together(1), together(2), return_exceptions=True)
    assert [str(fault) for fault in told] == ["away", "away"]
    answers.fails = False
    assert await together(1) == "1 in 2"


async def test_who_stops_waiting_does_not_end_it_for_others() -> None:
    answers = Answers()
    together = Together(answers, most=10)
    one, other = await begun(together, 1, 1)
    one.cancel()
    answers.let_go.set()
    assert await other == "1 in 1"


async def test_a_lost_connection_is_opened_anew_and_the_statement_sent_again(
    runtime: Runtime, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    (row,) = await runtime.db.direct.fetch("select pg_backend_pid()", {})
    await sql.execute("select pg_terminate_backend(%s, 5000)", row)
    (other,) = await runtime.db.direct.fetch("select pg_backend_pid()", {})
    assert other != row


async def test_a_statement_that_fails_leaves_the_connection_usable(runtime: Runtime) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await runtime.db.direct.fetch("select 1 / 0", {})
    assert await runtime.db.direct.fetch("select 1", {}) == [(1,)]
