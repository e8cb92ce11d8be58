"""One look for all who ask at the same time, and for those who ask soon after."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Asked = TypeVar("Asked", bound=Hashable)
Found = TypeVar("Found")


class SharedLook:
    """Calls `look` at most once in `seconds` (or `seconds_after_fault`, where it raised), however
    many ask: an anonymous caller must not decide how often something costly is done."""

    def __init__(
        self,
        look: Callable[[], Awaitable[None]],
        *,
        seconds: float = 5.0,
        seconds_after_fault: float = 1.0,
    ) -> None:
        self._look = look
        self._seconds, self._after_fault = seconds, seconds_after_fault
        self._looking: asyncio.Task[None] | None = None
        self._ended = 0.0

    async def __call__(self) -> None:
        """Return, or raise what the look raised. Who stops waiting does not end it for others."""
        if self._looking is None or self._is_old(self._looking):
            self._looking = asyncio.ensure_future(self._run())
            self._looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._looking)

    async def _run(self) -> None:
        try:
            await self._look()
        finally:
            self._ended = time.monotonic()

    def _is_old(self, looking: "asyncio.Task[None]") -> bool:
        if not looking.done():
            return False
        fault = looking.cancelled() or looking.exception() is not None
        return time.monotonic() - self._ended > (self._after_fault if fault else self._seconds)


class Together(Generic[Asked, Found]):
    """Answers those who ask at the same time with one `answer`, which is given each question once.

    Who asks while one is under way is answered by the next: every answer begins after its question
    came, so it sees whatever was committed by then. Who stops waiting does not end it for others;
    what it raises, all of them get."""

    def __init__(
        self, answer: Callable[[list[Asked]], Awaitable[Sequence[Found]]], *, most: int
    ) -> None:
        """`answer` gives what was found for each question, in their order; `most` questions are
        answered at a time."""
        self._answer = answer
        self._most = most
        self._waiting: dict[Asked, list[asyncio.Future[Found]]] = {}
        self._answering: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Found:
        """What is found for one question."""
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asked, []).append(found)
        if self._answering is None:
            self._answering = asyncio.create_task(self._work())
        return await found

    async def _work(self) -> None:
        """Answer until nobody waits."""
        try:
            while self._waiting:
                taken = dict(itertools.islice(self._waiting.items(), self._most))
                for asked in taken:
                    del self._waiting[asked]
                await self._tell(taken)
        finally:
            self._answering = None

    async def _tell(self, taken: "dict[Asked, list[asyncio.Future[Found]]]") -> None:
        try:
            answers = await self._answer(list(taken))
        except Exception as error:  # noqa: BLE001 (told to whoever asked)
            for waiting in _left(itertools.chain(*taken.values())):
                waiting.set_exception(error)
            return
        for those, answer in zip(taken.values(), answers, strict=True):
            for waiting in _left(those):
                waiting.set_result(answer)


def _left(waiting: "Iterable[asyncio.Future[T]]") -> "Iterator[asyncio.Future[T]]":
    """Those who have not stopped waiting."""
    return (each for each in waiting if not each.done())


class Turns:
    """Costly work, one piece at a time. Who asks for what is being done, or waits for its turn
    already, gets that answer; who stops waiting does not end it for others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def __call__(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` answers, or raises."""
        doing = self._asked.get(what)
        if doing is None:
            doing = self._asked[what] = asyncio.ensure_future(self._do(what, work))
            doing.add_done_callback(lambda done: done.cancelled() or done.exception())
        answer: T = await asyncio.shield(doing)
        return answer

    async def _do(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._turn:
                return await work()
        finally:
            del self._asked[what]
