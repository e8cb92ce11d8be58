"""What gates are decided on, as plain values, and what of it a set of gates needs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.policies.gates import BaselineGate, CheckGate, FieldsGate, FormatsGate, Gate, MetricGate

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reported something, as they stand now. `owner` is that of a service account."""

    name: str
    groups: frozenset[str] = frozenset()
    disabled: bool = False
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric of one report on a version. Of two reports the later one has the greater id."""

    id: UUID
    version_id: UUID
    dataset: str
    sha256: str | None
    metric: str
    value: float
    by: Reporter
    stderr: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One report of a check on the files of the version. Later ones have greater ids."""

    id: UUID
    name: str
    status: str
    by: Reporter
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """A version that holds a stage or that an alias points at."""

    version_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """The version that is to be promoted. `recipe` holds its fields by name, its description and
    its tags too."""

    version_id: UUID
    number: int
    recipe: Mapping[str, Any]
    files_count: int = 0
    is_stored: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a stage's gates are decided on. `gates` are those of the rule in their order, None
    for one that this server does not know. `holders` is keyed by what gates compare with (a stage,
    or `@` and an alias); what is not in it is not there at all."""

    candidate: Candidate
    to_stage: str
    gates: tuple[Gate | None, ...] = ()
    reports: tuple[Measured, ...] = ()
    checks: tuple[Checked, ...] = ()
    files: tuple[str, ...] = ()
    authors: tuple[Reporter, ...] = ()
    has_parents: bool = False
    holders: Mapping[str, tuple[Holder, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """What gates need to know; nothing else is read. `datasets` are names, `digests` digests."""

    metrics: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    against: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    files: bool = False
    authors: bool = False
    parents: bool = False


def digest_in(dataset: str) -> str | None:
    """The digest that a gate's `dataset` is, where it is no name."""
    return dataset.lower() if _DIGEST.fullmatch(dataset) else None


def needs_of(gates: Iterable[Gate | None], to_stage: str) -> Needs:
    """What it takes to decide these gates of a stage."""
    known = [gate for gate in gates if gate is not None]
    baselines = [gate for gate in known if isinstance(gate, BaselineGate)]
    own = [gate for gate in known if isinstance(gate, MetricGate) and gate.dataset is None]
    reported = [
        gate
        for gate in known
        if isinstance(gate, BaselineGate | MetricGate) and gate.dataset is not None
    ]
    data = {gate.dataset for gate in reported if gate.dataset is not None}
    return Needs(
        metrics=frozenset(gate.metric for gate in reported),
        datasets=frozenset(name for name in data if digest_in(name) is None),
        digests=frozenset(digest for name in data if (digest := digest_in(name))),
        against=frozenset(gate.against or to_stage for gate in baselines),
        checks=frozenset(gate.name for gate in known if isinstance(gate, CheckGate)),
        files=any(isinstance(gate, FormatsGate) for gate in known),
        authors=any(gate.reported_by is not None for gate in own),
        parents=any(isinstance(gate, FieldsGate) and "parents" in gate.require for gate in known),
    )
