"""The issuers of the process that serves a request."""

from typing import Annotated

from fastapi import Depends, Request

from app.core.runtime import get_runtime
from app.issuers.service import Issuers


def get_issuers(request: Request) -> Issuers:
    """The one object of the process."""
    issuers: Issuers = get_runtime(request).issuers
    return issuers


KnownIssuers = Annotated[Issuers, Depends(get_issuers)]
