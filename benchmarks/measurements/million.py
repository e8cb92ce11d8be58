"""Our server beside a stock MLflow, both with a million versions stored on the same PostgreSQL."""

import secrets
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from benchmarks import team
from benchmarks.harness import Bench, Case, Taken, tell
from benchmarks.load_million import prepare
from benchmarks.million.population import Population
from benchmarks.options import Options
from benchmarks.peers.duels import creating, reading
from benchmarks.peers.filling import fill
from benchmarks.peers.meaning import LOOKED_AT, check_same
from benchmarks.peers.requests import Duel, Theirs
from benchmarks.peers.server import Mlflow, mlflow
from benchmarks.reports import Section
from benchmarks.servers import at_size
from benchmarks.team import Person

ON_DEMAND = True  # loading takes minutes
QUICK = Population(models=40, versions=3_000, big=500)
SLOW = 0.25  # seconds: who needs longer for a request is asked by few connections, and for longer
FEW, ANSWERS, LONGEST = 2, 4, 40.0
COLUMNS = (
    *("", "ours: requests/s", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms"),
    *("MLflow: requests/s", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms", "its workers"),
    *("ratio", "lowest to highest"),
)


def fresh(options: Options, stack: ExitStack) -> Bench:
    """A bench over a registry that is loaded, and kept where a folder was named for it."""
    return Bench(options, stack.enter_context(at_size(options.folder)))


def population(options: Options) -> Population:
    """A small one where it is only to be seen that all works."""
    return QUICK if options.rounds == 1 and options.folder is None else Population()


def measure(bench: Bench) -> list[Section]:
    """Each question to both servers in turns; of MLflow, the better of one and two workers."""
    people = population(bench.options)
    prepare(bench.server, people)
    fill(bench.server, people)
    run = secrets.token_hex(4)
    asking = team.hire(bench.server, f"bench-{run}", "contributor", ["write"])
    with ExitStack() as stack:
        peers = [stack.enter_context(mlflow(bench.server, workers)) for workers in (1, 2)]
        theirs = Theirs(peers[0])
        questions = reading(people)
        check_same(questions, asking, theirs)
        _warm(questions, asking, theirs)
        groups = {
            f"With {people.versions:,} versions: reading": questions,
            f"With {people.versions:,} versions: registering": creating(asking, theirs, run),
        }
        return [_compare(bench, title, duels, asking, peers) for title, duels in groups.items()]


def _warm(questions: list[Duel], person: Person, theirs: Theirs) -> None:
    """Ask each question once, so that what is measured is not the disk: what is asked all day is in
    memory. Of MLflow, only what was not asked when the answers were compared."""
    for duel in questions:
        for request in duel.ours:
            person.call(request.method, request.path, request.body)
        for request in duel.theirs[LOOKED_AT:]:
            theirs.call(request.method, request.path, request.body)


def _compare(
    bench: Bench, title: str, duels: list[Duel], person: Person, peers: list[Mlflow]
) -> Section:
    rows = [_Row(bench, duel, duel.our_case(person), peers) for duel in duels]
    for number in range(bench.options.rounds):
        for row in rows:
            row.take()
            tell(f"{title}, round {number + 1}: {row.said()}")
    section = Section(title, COLUMNS, [row.cells() for row in rows])
    section.remarks.append(
        f"{bench.options.connections} connections, {bench.options.rounds} rounds of "
        f"{bench.options.seconds:g} s a case, MLflow with one worker and with two in each; the "
        "better of both is shown, and the ratio to it is the median of the rounds' ratios. CPU is "
        "for each request, of the processes that answer and of PostgreSQL. Where MLflow takes more "
        f"than {SLOW * 1000:.0f} ms for one request alone, {FEW} connections ask it, for as long "
        f"as {ANSWERS} requests take: marked *."
    )
    return section


@dataclass(slots=True)
class _Row:
    """A question, and what the rounds saw of both servers."""

    bench: Bench
    duel: Duel
    ours: Case
    peers: list[Mlflow]
    mine: Taken = field(default_factory=Taken)
    others: list[Taken] = field(default_factory=lambda: [Taken(), Taken()])
    gentle: Bench | None = None
    timed: bool = False

    def take(self) -> None:
        """One round: ours, then MLflow with one worker and with two."""
        if not self.timed:
            self._look()
        sample = self.bench.run(self.bench.server, self.ours)
        self.mine.add(sample, sample)
        for taken, peer in zip(self.others, self.peers, strict=True):
            theirs = (self.gentle or self.bench).run(peer, self.duel.their_case())
            taken.add(theirs, theirs)
            taken.ratios[-1] = sample.rate / theirs.rate

    def _look(self) -> None:
        """How long MLflow takes when nothing else is asked."""
        request, self.timed = self.duel.theirs[0], True
        theirs = Theirs(self.peers[0])
        began = time.perf_counter()
        theirs.call(request.method, request.path, request.body)
        seconds = time.perf_counter() - began
        if seconds > SLOW:
            enough = min(max(self.bench.options.seconds, ANSWERS * seconds), LONGEST)
            calm = replace(self.bench.options, connections=FEW, warmup=0.0, seconds=enough)
            self.gentle = Bench(calm, self.bench.server)

    def _better(self) -> int:
        rates = [_rate(taken) for taken in self.others]
        return rates.index(max(rates))

    def said(self) -> str:
        rates = " and ".join(f"{taken.samples[-1].rate:.1f}/s" for taken in self.others)
        return f"{self.duel.name}: {self.mine.samples[-1].rate:.0f}/s, MLflow {rates}"

    def cells(self) -> tuple[str, ...]:
        place = self._better()
        other = self.others[place]
        ratios = other.ratios
        return (
            self.duel.name + (" *" if self.gentle else ""),
            *self.mine.row("")[1:6],
            *other.row("")[1:6],
            str(place + 1),
            f"{statistics.median(ratios):,.1f}",
            f"{min(ratios):,.1f} to {max(ratios):,.1f}",
        )


def _rate(taken: Taken) -> float:
    return statistics.median(sample.rate for sample in taken.samples)
