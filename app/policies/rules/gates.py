"""Whether one gate is at least as strict as another, on gates as they are stored."""

from collections.abc import Callable
from typing import Any

Gate = dict[str, Any]
_UPWARDS, _DOWNWARDS = (">=", ">"), ("<=", "<")


def implies(gate: Gate, other: Gate) -> bool:
    """Whether whatever passes this gate passes the other one. No wherever that is not plain."""
    if gate == other:
        return True
    stricter = _STRICTER.get(gate["type"])
    return stricter is not None and gate["type"] == other["type"] and stricter(gate, other)


def _same(gate: Gate, other: Gate, *but: str) -> bool:
    """Whether both say the same, but for these fields."""
    return {k: v for k, v in gate.items() if k not in but} == {
        k: v for k, v in other.items() if k not in but
    }


def _fields(gate: Gate, other: Gate) -> bool:
    return set(gate["require"]) >= set(other["require"])


def _metric(gate: Gate, other: Gate) -> bool:
    if not _same(gate, other, "value"):
        return False
    if gate["op"] in _UPWARDS:
        return bool(gate["value"] >= other["value"])
    return gate["op"] in _DOWNWARDS and float(gate["value"]) <= float(other["value"])


def _baseline(gate: Gate, other: Gate) -> bool:
    """A confidence asks for more than none, and the more the higher it is."""
    if not _same(gate, other, "max_regression", "confidence", "if_no_baseline"):
        return False
    allows, allowed = gate.get("max_regression", 0), other.get("max_regression", 0)
    sure, asked = gate.get("confidence") or 0, other.get("confidence") or 0
    as_sure = bool(allows <= allowed and sure >= asked)
    return as_sure and (_may_lack(other) or not _may_lack(gate))


def _may_lack(gate: Gate) -> bool:
    return bool(gate.get("if_no_baseline", "fail") == "pass")


def _formats(gate: Gate, other: Gate) -> bool:
    denied, allowed = other.get("deny"), other.get("allow")
    denies = denied is None or set(gate.get("deny") or ()) >= set(denied)
    within = gate.get("allow")
    return denies and (allowed is None or (within is not None and set(within) <= set(allowed)))


_STRICTER: dict[str, Callable[[Gate, Gate], bool]] = {
    "fields": _fields,
    "metric": _metric,
    "baseline": _baseline,
    "formats": _formats,
}
