"""The actor of a request, and the check that a route asks for."""

from collections.abc import MutableMapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.types import Scope

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
    _note(request.scope["state"], actor)
    return actor


def authenticate_at_once(scope: Scope, authorization: str) -> Actor | None:
    """The same without waiting, for a token that was good a moment ago: its actor, counted once,
    also where `authenticate` is asked later. None, with nothing counted, where that is to be asked
    at once: it looks the token up, or says what is wrong."""
    state = scope["app"].state
    authenticator: Authenticator = state.authenticator
    actor = authenticator.known(authorization)
    if actor is None:
        return None
    limits: Limits = state.limits
    if actor.token_id is not None and not limits.requests.take(actor.token_id):
        return None
    _note(scope["state"], actor)
    return actor


def _note(state: MutableMapping[str, Any], actor: Actor) -> None:
    state["actor"], state["actor_name"] = actor, actor.name
    if actor.token_ends_at is not None:
        ends = f"{actor.token_ends_at:%Y-%m-%dT%H:%M:%SZ}"
        state["answer_headers"] = {"Token-Expires-Soon": ends}


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
