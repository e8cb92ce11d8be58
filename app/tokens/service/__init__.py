"""The use cases of tokens, a file for each."""

from app.tokens.queries import Wanted
from app.tokens.service.expiring import warn
from app.tokens.service.issuing import issue, recipient
from app.tokens.service.making import hands, make, record_issue
from app.tokens.service.revoking import end_exchanged, revoke
from app.tokens.service.rotating import rotatable, rotate
from app.tokens.service.showing import get, page

__all__ = [
    "Wanted",
    "end_exchanged",
    "get",
    "hands",
    "issue",
    "make",
    "page",
    "recipient",
    "record_issue",
    "revoke",
    "rotatable",
    "rotate",
    "warn",
]
