"""The routes of tokens."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.dependencies import Allowed, CurrentActor
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import Conflict, InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction, get_runtime
from app.core.schemas import Instant
from app.edge.routing import api_router
from app.idempotency.service import withholding
from app.identities.tables import Identity
from app.tokens import service
from app.tokens.problems import TokenNotRotatable
from app.tokens.schemas import (
    Origin,
    RotationInput,
    Status,
    TokenInput,
    TokenIssued,
    TokenOutput,
)
from app.tokens.tables import Token

router = api_router("Tokens")

TokenPath = Annotated[
    UUID, Path(description="The token's id.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a81"])
]


class Recipient:
    """A dependency: whose the wanted token will be, if the actor may issue it. Not in the handler,
    so that the right is asked for again before a kept answer is replayed."""

    permission = Permission.TOKENS_ISSUE

    async def __call__(
        self, wanted: TokenInput, actor: CurrentActor, session: Transaction
    ) -> Identity:
        """The identity, or a 403, 409 or 422."""
        return await service.recipient(session, actor, wanted)


@router.post(
    "/tokens",
    status_code=201,
    summary="Issue a token",
    responses=responses(NotAllowed, Conflict, InvalidRequest),
)
@withholding("secret")
async def issue_token(
    wanted: TokenInput,
    holder: Annotated[Identity, Depends(Recipient())],
    actor: CurrentActor,
    session: Transaction,
    request: Request,
    response: Response,
) -> TokenIssued:
    """Issue a token for yourself, for a service account that you own or, as an admin, for anybody.

    Its `secret` is in this answer and nowhere else. The new token can never do more than the one
    that you use now: its scopes, models and end are within that one's."""
    key = get_runtime(request).settings.signing_key
    token, secret = await service.issue(session, actor, holder, wanted, key)
    return await _issued(session, response, actor, token, secret)


async def _issued(
    session: AsyncSession, response: Response, actor: Actor, token: Token, secret: str
) -> TokenIssued:
    shown, response.headers["ETag"] = await service.get(session, actor, token.id)
    response.headers["Location"] = f"/api/v1/tokens/{token.id}"
    response.headers["Cache-Control"] = "no-store"
    return TokenIssued(**shown.model_dump(), secret=secret)


class Rotatable:
    """A dependency: the token to rotate, if the actor may. Not in the handler, for the same
    reason."""

    permission = Permission.TOKENS_ROTATE

    async def __call__(
        self, token_id: TokenPath, actor: CurrentActor, session: Transaction
    ) -> tuple[Token, str]:
        """The token with the name of whose it is, or a 403 or 404."""
        return await service.rotatable(session, actor, token_id)


@router.post(
    "/tokens/{token_id}/rotate",
    status_code=201,
    summary="Rotate a token",
    responses=responses(NotFound, NotAllowed, Conflict, TokenNotRotatable, InvalidRequest),
)
@withholding("secret")
async def rotate_token(
    wanted: RotationInput,
    found: Annotated[tuple[Token, str], Depends(Rotatable())],
    actor: CurrentActor,
    session: Transaction,
    request: Request,
    response: Response,
) -> TokenIssued:
    """Replace a token by a new one of the same name, scopes and models, whose `secret` is in this
    answer and nowhere else: yours, one of a service account that you own or, as an admin, any. The
    old one ends now or after a grace, and shows which one took its place (`rotated_to`).

    A token may rotate itself, but does not lengthen its life by that: the new one ends, at the
    latest, with the token that you use now. To renew one for as long again, use one that lives
    longer. Leave a grace where an answer may get lost. What was exchanged or signed in is not
    rotated: exchange, or sign in, again."""
    key = get_runtime(request).settings.signing_key
    token, secret = await service.rotate(session, actor, found, wanted, key)
    return await _issued(session, response, actor, token, secret)


@router.get("/tokens", summary="List tokens", responses=responses(InvalidRequest))
async def list_tokens(
    actor: Annotated[Actor, Depends(Allowed(Permission.TOKENS_READ))],
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
    identity: Annotated[
        str | None, Query(max_length=128, description="Only the tokens of this identity.")
    ] = None,
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
    origin: Annotated[Origin | None, Query(description="Only those that came about so.")] = None,
    expiring: Annotated[
        bool | None, Query(description="Only those that `expires_soon`, or only the others.")
    ] = None,
    expires_before: Annotated[
        Instant | None,
        Query(
            description="Only those that end before this time (RFC 3339 with a zone), ended ones "
            "among them.",
            examples=["2027-01-01T00:00:00Z"],
        ),
    ] = None,
) -> Page[TokenOutput]:
    """Your tokens and those of your service accounts, the oldest first; an admin sees all."""
    wanted = service.Wanted(identity, status, origin, expiring, expires_before)
    page = await service.page(session, actor, wanted, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/tokens/{token_id}",
    summary="Get a token",
    response_model=TokenOutput,
    responses=responses(NotFound),
)
async def get_token(
    token_id: TokenPath,
    actor: Annotated[Actor, Depends(Allowed(Permission.TOKENS_READ))],
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> TokenOutput | Response:
    """A token, without its secret."""
    found, tag = await service.get(session, actor, token_id)
    return answer(if_none_match, response, tag) or found


@router.delete(
    "/tokens/{token_id}",
    status_code=204,
    summary="Revoke a token",
    responses=responses(NotFound, NotAllowed, StaleRevision),
)
async def revoke_token(
    token_id: TokenPath,
    actor: Annotated[Actor, Depends(Allowed(Permission.TOKENS_REVOKE))],
    session: Transaction,
    if_match: IfMatch = None,
) -> None:
    """End a token for good: yours, one of a service account that you own or, as an admin, any.

    It works nowhere after a second. A token may revoke itself, and others that may do no more than
    itself. What was done with it stays, and so does its entry in the list."""
    await service.revoke(session, actor, token_id, if_match)
