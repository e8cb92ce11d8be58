"""What requests and answers about policies look like."""

from app.policies.schemas.inputs import PolicyInput, PreviewInput, StageRuleInput
from app.policies.schemas.outputs import (
    ModelPolicyOutput,
    PolicyOutput,
    PolicyRevisionOutput,
    StageRuleOutput,
)

__all__ = [
    "ModelPolicyOutput",
    "PolicyInput",
    "PolicyOutput",
    "PolicyRevisionOutput",
    "PreviewInput",
    "StageRuleInput",
    "StageRuleOutput",
]
