"""The cycle of a promotion, as one connection goes through it again and again, and its report."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from benchmarks.harness import Bench, Case, Taken, quantile
from benchmarks.load import Ask, Talk, WrongAnswer
from benchmarks.reports import Section
from benchmarks.statements import Counts, counted
from benchmarks.team import Person

REQUEST, REVIEW, LOOK, APPLY = "request", "review", "look", "apply"
LONGER = 4  # than a single request is measured, and warmed up: a cycle is three
APPROVAL = json.dumps({"decision": "approve", "comment": "Read it."}).encode()
_location = re.compile(rb"\r\nlocation: /api/v1(/promotions/[^\r]+)", re.IGNORECASE)


@dataclass(slots=True)
class Path:
    """Moves that a model's versions go through round and round: (number, stage)."""

    model: str
    moves: Sequence[tuple[int, str]]
    made: int = field(default=0)

    def next(self) -> tuple[int, str]:
        """The next move. What was begun is always done, so the last one was made."""
        move = self.moves[self.made % len(self.moves)]
        self.made += 1
        return move


@dataclass(frozen=True, slots=True)
class Cycle:
    """Who asks and applies, and who reviews or only looks in between."""

    asker: Person
    reviewer: Person | None = None
    looks: bool = False

    def calls(self) -> list[str]:
        """What the calls are called, in their order."""
        review = [REVIEW] if self.reviewer else []
        return [REQUEST, *review, *([LOOK] if self.looks else []), APPLY]

    def case(self, name: str, paths: Sequence[Path], connections: int) -> Case:
        """Each connection has paths of its own, so none of them supersedes another's promotion."""

        def talk(number: int) -> Talk:
            return self.along(paths[number::connections])

        return Case(name, talk=talk)

    def along(self, paths: Sequence[Path]) -> Talk:
        """The paths in turns, a cycle each."""
        while True:
            for path in paths:
                yield from self._once(path)

    def _once(self, path: Path) -> Talk:
        number, stage = path.next()
        asked = f"/models/{quote(path.model)}/versions/{number}/promotions"
        body = json.dumps({"to": stage, "reason": "To be measured."}).encode()
        head = yield Ask(self.asker.post(asked, body), b"201", REQUEST, ends=False)
        here = _place(head)
        if self.reviewer:
            said = self.reviewer.post(f"{here}/reviews", APPROVAL)
            yield Ask(said, b"201", REVIEW, ends=False)
        if self.looks:
            yield Ask(self.asker.get(here), b"200", LOOK, ends=False)
        yield Ask(self.asker.post(f"{here}/apply", b""), b"200", APPLY)


def _place(head: bytes) -> str:
    found = _location.search(head)
    if found is None:
        raise WrongAnswer(f"an answer that does not say where the promotion is: {head!r}")
    return found[1].decode()


def lid_of(counts: Counts) -> Case:
    """As many transactions as the cycle has calls, each of as many statements."""
    asks = []
    for place, (call, (reads, writes)) in enumerate(counts.items(), 1):
        path = f"/transaction?reads={reads}&writes={writes}"
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        asks.append(Ask(request, b"200", call, ends=place == len(counts)))

    def talk(_: int) -> Talk:
        while True:
            yield from (ask for ask in asks)  # a list takes no answers

    return Case("ceiling: as many statements in bare psycopg, as many commits", talk=talk)


def compare_cycles(
    bench: Bench, title: str, cycle: Cycle, cases: Sequence[tuple[str, Sequence[Path]]]
) -> list[Section]:
    """Rates of whole cycles, and what each call took. The lid has the statements of the first."""
    usual = bench.options
    longer = replace(usual, seconds=LONGER * usual.seconds, warmup=LONGER * usual.warmup)
    bench = Bench(longer, bench.server)
    counts = {name: counted(bench.server, cycle.along(paths[:1])) for name, paths in cases}
    lid = lid_of(counts[cases[0][0]])
    rows = [cycle.case(name, paths, bench.options.connections) for name, paths in cases]
    for row in rows:  # the first of each are slow: a process writes its SQL once
        bench.run(bench.server, row)
    taken = bench.take(title, rows, lid)
    rates = bench.rates(title, taken, "cycle")
    return [rates, _calls(f"{title}: each call", cycle.calls(), taken, {lid.name: {}} | counts)]


def _calls(
    title: str, calls: Sequence[str], taken: dict[str, Taken], counts: dict[str, Counts]
) -> Section:
    columns = [f"{call} {what}" for call in calls for what in ("p50 ms", "p99 ms", "statements")]
    section = Section(title, ("", *columns))
    for name, each in taken.items():
        cells = [cell for call in calls for cell in _cells(each, call, counts[name].get(call))]
        section.rows.append((name, *cells))
    section.remarks.append(
        "Statements are reads and writes, without `begin` and `commit` and the look at the token, "
        "counted in the application over the same database."
    )
    return section


def _cells(taken: Taken, call: str, count: tuple[int, int] | None) -> list[str]:
    ordered = taken.call(call)
    parts = (0.5, 0.99) if ordered else ()
    times = [f"{quantile(ordered, part) * 1000:.1f}" for part in parts] or ["", ""]
    return [*times, f"{count[0]} + {count[1]}" if count else ""]
