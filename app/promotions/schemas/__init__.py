"""What requests and answers about promotions look like."""

from app.promotions.schemas.inputs import (
    ApplyInput,
    CancelInput,
    OverrideInput,
    PromotionInput,
    ReviewInput,
)
from app.promotions.schemas.outputs import PromotionOutput, ReviewOutput

__all__ = [
    "ApplyInput",
    "CancelInput",
    "OverrideInput",
    "PromotionInput",
    "PromotionOutput",
    "ReviewInput",
    "ReviewOutput",
]
