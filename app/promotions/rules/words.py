"""The states of a promotion and what a reviewer can say."""

from enum import StrEnum


class Status(StrEnum):
    """What has become of a promotion. All but the first two are its end."""

    OPEN = "open"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    VOIDED = "voided"


UNDECIDED = (Status.OPEN, Status.APPROVED)


class Decision(StrEnum):
    """A person's word on a promotion. `withdraw` takes their verdict back."""

    APPROVE = "approve"
    REJECT = "reject"
    COMMENT = "comment"
    WITHDRAW = "withdraw"
