"""Counting failed logins on the addresses that take a secret of another kind than our tokens."""

from fastapi import Request

from app.limits.service import Limits


def client_address(request: Request) -> str | None:
    """Who asks: the address that failures are counted under."""
    return request.client.host if request.client else None


def guard(request: Request) -> None:
    """Refuse (429) an address that failed too often within this minute. Call it before the secret
    is looked at, and `failed` where it is not good."""
    limits: Limits = request.app.state.limits
    limits.failures.check(client_address(request))


async def failed(request: Request) -> None:
    """Count a failure; a 429 takes the place of the caller's own refusal where it was one too many.

    Call it outside a transaction: it has its own, which lasts whatever becomes of the request."""
    limits: Limits = request.app.state.limits
    await limits.failures.count(client_address(request))


async def began(request: Request) -> None:
    """Count a sign-in that is begun, or refuse it (429) where there were too many. Whoever asks
    need not say who they are, and something is stored for them."""
    limits: Limits = request.app.state.limits
    limits.sign_ins.check(client_address(request))
    await limits.sign_ins.count(client_address(request))
