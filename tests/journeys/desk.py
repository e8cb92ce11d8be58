"""How a test in a thread of its own speaks with the application, which lives on the test's loop."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from hypothesis import note

from tests.actors import Api

T = TypeVar("T")
SECONDS = 60


class Desk:
    """Sends requests as one of the cast, one after another, and notes what came of each. What was
    met, over all journeys, is counted in `met`."""

    def __init__(self, stage: dict[str, Api], loop: asyncio.AbstractEventLoop) -> None:
        self._stage = stage
        self._loop = loop
        self._numbers = itertools.count(1)
        self.model = ""
        self.met: Counter[str] = Counter()

    def begin(self) -> None:
        """A new model, so that nothing of the last example is there."""
        self.model = f"m-{next(self._numbers)}"
        assert self.send("ada", "POST", "/models", {"name": self.model}).status_code == 201

    def of_model(self, path: str = "") -> str:
        return f"/models/{self.model}{path}"

    def send(
        self, who: str, method: str, path: str, body: Any = None, **options: Any
    ) -> httpx.Response:
        """The answer to a request."""
        if body is not None:
            options["json"] = body
        answer = self._wait(self._stage[who].request(method, path, **options))
        note(f"  {who}: {method} {path} {body or ''} -> {answer.status_code} {slug_of(answer)}")
        return answer

    def read(self, path: str, who: str = "mia", **params: Any) -> Any:
        """What somebody who may see everything reads."""
        answer = self._wait(self._stage[who].get(path, params=params))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read_all(self, path: str, **params: Any) -> list[Any]:
        """All items of a list, over its pages."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.read(path, **params, **cursor, limit=200)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)


def slug_of(answer: httpx.Response) -> str:
    """Which problem an answer tells; nothing where it tells none."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return ""
    return str(answer.json()["type"]).rsplit("/", 1)[-1]
