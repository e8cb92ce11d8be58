"""Gates: the rules of a policy that machines can decide, as they are written and stored."""

from app.policies.gates.naming import baseline_aliases, baseline_stages
from app.policies.gates.shapes import (
    BaselineGate,
    CheckGate,
    FieldsGate,
    FormatsGate,
    Gate,
    MetricGate,
    Reporters,
    StoredGate,
    parse_gate,
)

__all__ = [
    "BaselineGate",
    "CheckGate",
    "FieldsGate",
    "FormatsGate",
    "Gate",
    "MetricGate",
    "Reporters",
    "StoredGate",
    "baseline_aliases",
    "baseline_stages",
    "parse_gate",
]
