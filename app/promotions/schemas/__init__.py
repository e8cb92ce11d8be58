"""What requests and answers about promotions look like."""

from app.promotions.schemas.inputs import (
    ApplyInput,
    CancelInput,
    OverrideInput,
    PromotionInput,
    ReviewInput,
)
from app.promotions.schemas.outputs import PromotionOutput, ReviewOutput
from app.promotions.schemas.preview import PreviewOutput

__all__ = [
    "ApplyInput",
    "CancelInput",
    "OverrideInput",
    "PreviewOutput",
    "PromotionInput",
    "PromotionOutput",
    "ReviewInput",
    "ReviewOutput",
]
