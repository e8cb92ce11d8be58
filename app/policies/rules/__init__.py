"""What policies say and how they compose, on plain values: no session, no clock."""

from app.policies.rules.comparing import loosenings
from app.policies.rules.composing import Addition, StageAddition, compose, parse_addition
from app.policies.rules.policy import (
    ApprovalRule,
    Freeze,
    Incumbent,
    Policy,
    StageRule,
    parse,
)
from app.policies.rules.ways import unreachable

__all__ = [
    "Addition",
    "ApprovalRule",
    "Freeze",
    "Incumbent",
    "Policy",
    "StageAddition",
    "StageRule",
    "compose",
    "loosenings",
    "parse",
    "parse_addition",
    "unreachable",
]
