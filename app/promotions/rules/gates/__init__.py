"""Deciding the gates of a policy, a file for each kind, on evidence that was gathered before."""

from collections.abc import Mapping
from typing import Any, assert_never

from app.policies.gates import (
    BaselineGate,
    CheckGate,
    FieldsGate,
    FormatsGate,
    Gate,
    MetricGate,
    StoredGate,
    parse_gate,
)
from app.promotions.rules.gates.baseline import decide_baseline
from app.promotions.rules.gates.check import decide_check
from app.promotions.rules.gates.evidence import (
    Candidate,
    Checked,
    Evidence,
    Holder,
    Measured,
    Needs,
    Reporter,
    needs_of,
)
from app.promotions.rules.gates.fields import decide_fields
from app.promotions.rules.gates.formats import decide_formats
from app.promotions.rules.gates.metric import decide_metric
from app.promotions.rules.gates.stored import decide_stored

__all__ = [
    "Candidate",
    "Checked",
    "Evidence",
    "Holder",
    "Measured",
    "Needs",
    "Reporter",
    "decide",
    "judge_gate",
    "needs_of",
    "parse_gate",
]


def judge_gate(
    stored: Mapping[str, Any], gate: Gate | None, evidence: Evidence | None
) -> dict[str, Any]:
    """A gate as it was stored, with whether it passes, and why, as a sentence. What this server
    does not know or has no evidence for never passes."""
    if gate is None or evidence is None:
        kind = str(stored.get("type"))[:100]
        detail = f"This server cannot decide this `{kind}` gate: set the policy anew."
        return {**stored, "type": kind, "passed": False, "detail": detail}
    passed, detail = decide(gate, evidence)
    return {**stored, "passed": passed, "detail": detail}


def decide(gate: Gate, evidence: Evidence) -> tuple[bool, str]:
    """Whether a gate passes, and why."""
    match gate:
        case FieldsGate():
            return decide_fields(gate, evidence)
        case MetricGate():
            return decide_metric(gate, evidence)
        case BaselineGate():
            return decide_baseline(gate, evidence)
        case CheckGate():
            return decide_check(gate, evidence)
        case FormatsGate():
            return decide_formats(gate, evidence)
        case StoredGate():
            return decide_stored(evidence)
        case _ as never:
            assert_never(never)
