"""Whether both servers say the same: looked at once, before anything is measured."""

from collections.abc import Iterable
from typing import Any

from benchmarks.peers.requests import Duel, Request, Theirs
from benchmarks.team import Person, Refused

Versions = list[tuple[str, int]]
LOOKED_AT = 10


def check_same(duels: Iterable[Duel], person: Person, theirs: Theirs) -> None:
    """That the first requests of each name the same versions, in the same order."""
    for duel in duels:
        for ours, other in list(zip(duel.ours, duel.theirs, strict=True))[:LOOKED_AT]:
            here, there = _ours(person, ours), _theirs(theirs, other)
            if here != there or not here:
                raise Refused(f"{duel.name}: {ours.path} has {here}, {other.path} has {there}")


def _ours(person: Person, request: Request) -> Versions:
    found = person.call(request.method, request.path, request.body)
    items = found.get("items", [found])
    return [(item["model"], item["number"]) for item in items]


def _theirs(theirs: Theirs, request: Request) -> Versions:
    found: dict[str, Any] = theirs.call(request.method, request.path, request.body)
    items = found.get(
        "model_versions", [found["model_version"]] if "model_version" in found else []
    )
    return [(item["name"], int(item["version"])) for item in items]
