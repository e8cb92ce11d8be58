"""Moments: how a low room lets a higher one act in the same transaction, without knowing it.

`versions` says that a version was recalled; `promotions`, which lies above, voids what is open for
it. Subscriptions are made when the higher room is imported, and run in the order of making.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Moment(Generic[P]):
    """Something that others may act upon, in the transaction in which it happens."""

    def __init__(self) -> None:
        """Nobody has subscribed yet."""
        self._subscribers: list[Callable[P, Awaitable[None]]] = []

    def subscribe(self, act: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        """Have `act` run whenever it happens; usable as a decorator."""
        self._subscribers.append(act)
        return act

    async def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """It happens: everybody acts, one after another."""
        for act in self._subscribers:
            await act(*args, **kwargs)
