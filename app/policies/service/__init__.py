"""The use cases of policies, a file for each."""

from app.policies.service.reading import InForce, at, default, in_force, of_model
from app.policies.service.setting import remove_own, set_default, set_own, tried

__all__ = [
    "InForce",
    "at",
    "default",
    "in_force",
    "of_model",
    "remove_own",
    "set_default",
    "set_own",
    "tried",
]
