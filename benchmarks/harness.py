"""Measuring rates: cases in turns with the ceiling, several rounds, ratios within a round.

A shared machine is slow for seconds at a time. A case and the ceiling right before it suffer alike,
so their ratio is what is reported; the rates beside it are medians and say how fast this machine
was that day.
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks import load
from benchmarks.load import Sample, Talk
from benchmarks.options import Options
from benchmarks.reports import Section
from benchmarks.servers import Server, Target, ceiling, stageward

COLUMNS = (
    "",
    "{unit}/s",
    "p50 ms",
    "p99 ms",
    "server CPU ms",
    "PostgreSQL CPU ms",
    "of the ceiling",
    "lowest to highest",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A row: requests that are sent round and round, and the status that each must answer; or what
    each connection says."""

    name: str
    requests: Sequence[bytes] = ()
    status: int = 200
    talk: Callable[[int], Talk] | None = None


CEILING = Case(
    "ceiling: bare FastAPI, one SELECT",
    (b"GET /one HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer none\r\n\r\n",),
)


@dataclass(slots=True)
class Bench:
    """What a measurement may use. Every measurement has a fresh server."""

    options: Options
    server: Server

    def compare(self, title: str, cases: Sequence[Case]) -> Section:
        """Rates of all cases, each in turns with the ceiling."""
        return self.rates(title, self.take(title, cases, CEILING))

    def take(self, title: str, cases: Sequence[Case], lid: Case) -> "dict[str, Taken]":
        """What all rounds saw of the lid and of each case, each in turns with the lid."""
        taken = {case.name: Taken() for case in (lid, *cases)}
        with ExitStack() as stack:
            bare = stack.enter_context(ceiling(self.server))
            for number in range(self.options.rounds):
                for case in cases:
                    before = self.run(bare, lid)
                    sample = self.run(self.server, case)
                    taken[lid.name].add(before, before)
                    taken[case.name].add(sample, before)
                    tell(f"{title}, round {number + 1}: {case.name}: {sample.rate:.0f}/s, "
                          f"ceiling {before.rate:.0f}/s")  # fmt: skip
        return taken

    def rates(self, title: str, taken: "dict[str, Taken]", unit: str = "request") -> Section:
        """A table of what was taken; the first is the lid."""
        section = Section(title, tuple(each.format(unit=f"{unit}s") for each in COLUMNS))
        section.rows = [
            each.row(name, lid=place == 0) for place, (name, each) in enumerate(taken.items())
        ]
        lid = next(iter(taken.values()))
        section.remarks.append(
            f"{self.options.connections} connections, {self.options.rounds} rounds of "
            f"{self.options.seconds:g} s a case. CPU is for each {unit}; the load generator, on "
            f"the same cores, took {lid.milliseconds('generator_seconds'):.2f} ms more."
        )
        return section

    def run(self, target: Target, case: Case) -> Sample:
        """One run of a case."""
        server, database = target.cpu_seconds(), self.server.database_cpu_seconds()
        sample = load.run(
            target,
            case.talk or load.in_turns(case.requests, case.status),
            connections=self.options.connections,
            warmup=self.options.warmup,
            seconds=self.options.seconds,
        )
        sample.server_seconds = target.cpu_seconds() - server
        sample.database_seconds = self.server.database_cpu_seconds() - database
        return sample


@dataclass(slots=True)
class Taken:
    """What the rounds of one case saw."""

    samples: list[Sample] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def add(self, sample: Sample, before: Sample) -> None:
        if not sample.latencies:
            raise load.WrongAnswer("no request was answered within the window")
        self.samples.append(sample)
        self.ratios.append(sample.rate / before.rate)

    def call(self, name: str) -> Sequence[float]:
        """What one call of the work took in each case, in order."""
        return sorted(one for sample in self.samples for one in sample.calls.get(name, ()))

    def row(self, name: str, *, lid: bool = False) -> tuple[str, ...]:
        rate = statistics.median(sample.rate for sample in self.samples)
        latencies = sorted(one for sample in self.samples for one in sample.latencies)
        low, high = min(self.ratios), max(self.ratios)
        return (
            name,
            f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}",
            f"{quantile(latencies, 0.5) * 1000:.1f}",
            f"{quantile(latencies, 0.99) * 1000:.1f}",
            f"{self.milliseconds('server_seconds'):.2f}",
            f"{self.milliseconds('database_seconds'):.2f}",
            "1" if lid else f"{statistics.median(self.ratios):.2f}",
            "" if lid else f"{low:.2f} to {high:.2f}",
        )

    def milliseconds(self, spender: str) -> float:
        """What a request cost one who spent on it, in milliseconds of a core."""
        spent = sum(getattr(sample, spender) for sample in self.samples)
        return float(1000 * spent / sum(sample.answered for sample in self.samples))


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def fresh(options: Options, stack: ExitStack) -> Bench:
    """A bench over a server that nothing has asked yet."""
    return Bench(options, stack.enter_context(stageward()))


def tell(text: str) -> None:
    """Say how far it is, beside the report."""
    print(text, file=sys.stderr, flush=True)
