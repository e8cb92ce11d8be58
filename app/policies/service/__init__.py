"""The use cases of policies, a file for each."""

from app.policies.service.reading import at, default, effective, of_model, with_policy
from app.policies.service.setting import remove_own, set_default, set_own

__all__ = [
    "at",
    "default",
    "effective",
    "of_model",
    "remove_own",
    "set_default",
    "set_own",
    "with_policy",
]
