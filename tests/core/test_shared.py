"""One look serves all who ask at once, and those who ask soon after."""

import asyncio

import pytest

from app.core.shared import SharedLook


class Looks:
    """Counts how often it is looked, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False
        self.let_go = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        await self.let_go.wait()
        if self.fails:
            raise ConnectionError("away")


async def test_all_who_ask_at_once_share_one_look() -> None:
    looks = Looks()
    shared = SharedLook(looks)
    asking = [asyncio.create_task(shared()) for _ in range(50)]
    await asyncio.sleep(0)
    looks.let_go.set()
    await asyncio.gather(*asking)
    await shared()
    assert looks.count == 1


async def test_a_look_that_is_old_is_taken_again() -> None:
    looks = Looks()
    looks.let_go.set()
    shared = SharedLook(looks, seconds=0)
    await shared()
    await shared()
    assert looks.count == 2


async def test_a_fault_is_told_to_all_and_forgotten_sooner() -> None:
    looks = Looks()
    looks.fails = True
    looks.let_go.set()
    shared = SharedLook(looks, seconds=3600, seconds_after_fault=0)
    told = await asyncio.gather(*(shared() for _ in range(3)), return_exceptions=True)
    assert [str(fault) for fault in told] == ["away"] * 3
    looks.fails = False
    await shared()
    assert looks.count == 2


async def test_who_stops_waiting_does_not_end_the_look_for_others() -> None:
    looks = Looks()
    shared = SharedLook(looks)
    first, second = asyncio.create_task(shared()), asyncio.create_task(shared())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    looks.let_go.set()
    await second
    assert looks.count == 1
