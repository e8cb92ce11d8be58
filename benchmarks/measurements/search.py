"""A page of each listed shape, of a registry of a thousand versions and of one of a million."""

import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from benchmarks import team
from benchmarks.harness import Bench, Case, Taken, tell
from benchmarks.load_million import prepare
from benchmarks.measurements.million import QUICK
from benchmarks.million.population import BIG, TEAMS, Population
from benchmarks.million.recipes import commit, train_digest
from benchmarks.options import Options
from benchmarks.reports import Section
from benchmarks.servers import Server, at_size
from benchmarks.team import Person, Refused

ON_DEMAND = True  # loading takes minutes
SMALL = Population(models=10, versions=1_000, big=100)
FEWER = 10  # versions on a page where there are not fifty among a thousand
COLUMNS = (
    *("", "versions on the page"),
    *("at {small}: pages/s", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms"),
    *("at {large}: pages/s", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms"),
    *("cost of the large", "lowest to highest"),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A filter and an order, of one model's versions where it is named, else of all."""

    name: str
    filter: str = ""
    order: str = ""
    model: str | None = None
    limit: int = 50

    @property
    def path(self) -> str:
        told = {"filter": self.filter, "order_by": self.order, "limit": str(self.limit)}
        query = urlencode({key: value for key, value in told.items() if value})
        here = f"/models/{quote(self.model)}" if self.model else ""
        return f"{here}/versions?{query}"


SHAPES = (
    Shape("a model's", model=BIG),
    Shape("a model's, by its time", order="created_at desc", model=BIG),
    Shape("the newest"),
    Shape("status", "status = 'ready'"),
    Shape("stage", "stage = 'archived'", limit=FEWER),
    Shape("a tag of 20%", "tags.source = 'manual'"),
    Shape("a tag of 2.5%", f"tags.team = '{TEAMS[3]}'", limit=FEWER),
    Shape("a data set's digest", f"datasets.sha256 = '{train_digest(0)}'", limit=FEWER),
    Shape("a commit", f"code.commit = '{commit(0, 30)}'", limit=FEWER),
    Shape("who made it", "created_by = 'trainer-02'", limit=FEWER),
    Shape("since a time", "created_at > '2026-03-01T00:00:00Z'"),
    Shape("before a time, the oldest", "created_at < '2026-03-01T00:00:00Z'", "created_at"),
    Shape("a metric, compared", "metrics.auc >= 0.9"),
    Shape("a metric, best first", "metrics.auc >= 0.8", "metrics.auc desc"),
    Shape("by a metric alone", order="metrics.auc desc"),
    Shape("a param, compared", "params.lr < 0.05"),
    Shape("by a param", "params.lr < 0.05", "params.lr"),
    Shape("a tag and a metric", "tags.source = 'nightly' and metrics.auc >= 0.85"),
    Shape("a tag, in a model", "tags.source = 'nightly'", model=BIG),
    Shape("a metric, in a model", "metrics.auc >= 0.8", "metrics.auc desc", model=BIG),
)


def fresh(options: Options, stack: ExitStack) -> Bench:
    """A bench over a registry that is loaded, and kept where a folder was named for it."""
    return Bench(options, stack.enter_context(at_size(options.folder)))


def measure(bench: Bench) -> list[Section]:
    """Each shape over the small one and over the large one, in turns."""
    large = QUICK if bench.options.rounds == 1 and bench.options.folder is None else Population()
    prepare(bench.server, large)
    with ExitStack() as stack:
        small = fresh(Options(), stack).server
        prepare(small, SMALL)
        sides = [
            Side(Bench(bench.options, server), _asking(server)) for server in (small, bench.server)
        ]
        rows = [_Row(shape, sides) for shape in SHAPES]
        for number in range(bench.options.rounds):
            for row in rows:
                row.take()
                tell(f"search, round {number + 1}: {row.said()}")
    columns = tuple(
        each.format(small=f"{SMALL.versions:,}", large=f"{large.versions:,}") for each in COLUMNS
    )
    section = Section("A page at size", columns, [row.cells() for row in rows])
    section.remarks.append(
        f"{bench.options.connections} connections, {bench.options.rounds} rounds of "
        f"{bench.options.seconds:g} s for each. Two servers, each with its PostgreSQL, in turns; "
        "the cost is the CPU of a page, of the processes that answer and of PostgreSQL, at the "
        "large size over that at the small one, in the same round, and the median of the rounds."
    )
    return [section]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two registries, and who asks there."""

    bench: Bench
    person: Person


def _asking(server: Server) -> Person:
    name = f"searcher-{server.port}"
    return team.hire(server, name, "reader", ["read"])


@dataclass(slots=True)
class _Row:
    """A shape, and what the rounds saw on both sides."""

    shape: Shape
    sides: list[Side]
    found: int = 0
    taken: list[Taken] = field(default_factory=lambda: [Taken(), Taken()])
    costs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = [len(self._page(side)) for side in self.sides]
        if counts[0] != counts[1] or not counts[0]:
            raise Refused(f"{self.shape.name}: pages of {counts[0]} and {counts[1]} versions")
        self.found = counts[0]

    def _page(self, side: Side) -> list[object]:
        page = side.person.call("GET", self.shape.path)["items"]
        return list(page)

    def take(self) -> None:
        """One round: the small one, then the large one."""
        costs = []
        for side, taken in zip(self.sides, self.taken, strict=True):
            case = Case(self.shape.name, [side.person.get(self.shape.path)])
            sample = side.bench.run(side.bench.server, case)
            taken.add(sample, sample)
            costs.append((sample.server_seconds + sample.database_seconds) / sample.answered)
        self.costs.append(costs[1] / costs[0])

    def said(self) -> str:
        rates = " and ".join(f"{taken.samples[-1].rate:.0f}/s" for taken in self.taken)
        return f"{self.shape.name}: {rates}, {self.costs[-1]:.2f}"

    def cells(self) -> tuple[str, ...]:
        return (
            self.shape.name,
            str(self.found),
            *(cell for taken in self.taken for cell in taken.row("")[1:6]),
            f"{statistics.median(self.costs):.2f}",
            f"{min(self.costs):.2f} to {max(self.costs):.2f}",
        )
