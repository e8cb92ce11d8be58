"""The actor of a request, and the check that a route asks for."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from app.access.authenticator import Authenticator
from app.access.rules import require_server
from app.access.table import Permission
from app.core.actor import Actor
from app.limits.dependencies import client_address
from app.limits.service import Limits

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token's secret, as `POST /api/v1/tokens` (or the first start) showed it.",
)


async def authenticate(request: Request) -> Actor:
    """Find out who speaks; the edge calls it before a byte of the body is read, and counts the
    request. Who waits in it may be asked again, which counts for nothing."""
    authenticator: Authenticator = request.app.state.authenticator
    is_first = not hasattr(request.state, "actor")
    address = client_address(request) if is_first else None
    actor = await authenticator.actor_for(request.headers.get("authorization"), address)
    if is_first and actor.token_id is not None:
        limits: Limits = request.app.state.limits
        limits.requests.count(actor.token_id)
    request.state.actor = actor
    request.state.actor_name = actor.name
    if actor.token_ends_at is not None:
        ends = f"{actor.token_ends_at:%Y-%m-%dT%H:%M:%SZ}"
        request.state.answer_headers = {"Token-Expires-Soon": ends}
    return actor


async def current_actor(request: Request, _: Annotated[object, Depends(bearer)]) -> Actor:
    """Who speaks, as the edge found out; a route without the edge finds out here."""
    known: Actor | None = getattr(request.state, "actor", None)
    return known or await authenticate(request)


CurrentActor = Annotated[Actor, Depends(current_actor)]


class Allowed:
    """A dependency: the actor, if they have a permission that concerns no single model."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is read by the test that walks all routes."""
        self.permission = permission

    async def __call__(self, actor: CurrentActor) -> Actor:
        """The actor, or a 403."""
        require_server(actor, self.permission)
        return actor
