"""How one route is called, and what makes it what the table says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from app.access.table import Permission, Rule
from tests.access.matrix.scene import Scene
from tests.actors import Api

SUCCESS = frozenset({200, 201, 202, 204})
OF_A_MODEL = ("{model}", "{promotion}", "{comment}")
# What is done before a call, by the owner of the scene or by whoever calls; answers further names.
Before = Callable[[Scene, Api], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Case:
    """A request that succeeds, for whoever may make it.

    `at` says which of the scene's names stand in the path instead of those of the same name.
    """

    route: str
    label: str = ""
    at: dict[str, str] = field(default_factory=dict)
    send: dict[str, Any] = field(default_factory=dict)
    """What else httpx is told: `json`, `content`, `params`, `headers`."""

    also: Permission | None = None
    """A permission that the route's use case asks for in this case, beside the route's own."""
    takes: Rule | None = None
    """A rule of the use case's own, where no permission stands for it. `what` says why."""
    of_a_model: bool = False
    """It concerns one model although its path does not say so."""
    gives_a_name: bool = False
    """It makes a model: outside all grants that is a 403, as nothing is there to be hidden."""
    of_others: str = ""
    """It is about what only its holder and the global admin see; why."""

    before: Before | None = None
    own: bool = False
    """`before` is done by whoever calls (where they may call), not by the owner of the scene."""
    quiet: str = ""
    """Why it leaves no event although it is no GET."""
    answers: frozenset[int] = SUCCESS
    local_store: bool = False

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]

    @property
    def concerns_a_model(self) -> bool:
        return self.of_a_model or any(part in self.path for part in OF_A_MODEL)

    @property
    def reads(self) -> bool:
        """Whether it can be called again and again on the same scene."""
        return self.method in ("GET", "HEAD")

    def __str__(self) -> str:
        return f"{self.route} {self.label}".strip()
