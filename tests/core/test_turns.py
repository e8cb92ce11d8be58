"""Costly work is done one piece at a time, and shared by those who ask for the same."""

import asyncio

import pytest

from app.core.shared import Turns


async def test_who_asks_for_the_same_gets_the_same_answer_and_others_wait() -> None:
    turns, log, go = Turns(), list[str](), asyncio.Event()

    async def work(name: str) -> str:
        log.append(f"{name} begins")
        await go.wait()
        log.append(f"{name} ends")
        return name

    def ask(name: str) -> asyncio.Task[str]:
        return asyncio.ensure_future(turns(name, lambda: work(name)))

    asked = [ask("a"), ask("b"), ask("a"), ask("b")]
    await asyncio.sleep(0)
    asked[0].cancel()  # who gives up ends it for nobody else
    go.set()
    assert await asyncio.gather(*asked[1:]) == ["b", "a", "b"]
    assert log == ["a begins", "a ends", "b begins", "b ends"]
    assert await ask("a") == "a"
    assert log[-1] == "a ends"
    assert len(log) == 6


async def test_a_fault_is_told_to_all_who_asked_and_is_not_kept() -> None:
    turns = Turns()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    told = await asyncio.gather(turns(1, fail), turns(1, fail), return_exceptions=True)
    assert [str(error) for error in told] == ["no", "no"]
    with pytest.raises(ValueError, match="no"):
        await turns(1, fail)
