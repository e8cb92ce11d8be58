"""Where a change comes from: the request that is being served, for events and logs."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The request id and the client's address; None where no request is being served."""

    request_id: str | None = None
    address: str | None = None


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 (frozen)
