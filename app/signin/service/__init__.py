"""The use cases of sign-in, a file for each."""

from app.signin.service.beginning import begin
from app.signin.service.finding import find_identity
from app.signin.service.linking import link, links, unlink
from app.signin.service.returning import come_back
from app.signin.service.sweep import sweep_sign_ins
from app.signin.service.using import Asked, use_code

__all__ = [
    "Asked",
    "begin",
    "come_back",
    "find_identity",
    "link",
    "links",
    "sweep_sign_ins",
    "unlink",
    "use_code",
]
