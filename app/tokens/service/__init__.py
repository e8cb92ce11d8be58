"""The use cases of tokens, a file for each."""

from app.tokens.service.issuing import issue, recipient
from app.tokens.service.making import Origin, hands, make, record_issue
from app.tokens.service.revoking import revoke
from app.tokens.service.showing import get, page, tag_of

__all__ = [
    "Origin",
    "get",
    "hands",
    "issue",
    "make",
    "page",
    "recipient",
    "record_issue",
    "revoke",
    "tag_of",
]
