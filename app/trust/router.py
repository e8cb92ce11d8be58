"""The routes of trusts, and of the exchange."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer, etag
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import (
    InternalError,
    InvalidRequest,
    MalformedRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    StaleRevision,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading, Transaction
from app.edge.routing import api_router, open_router
from app.issuers.dependencies import KnownIssuers
from app.issuers.problems import BadAssertion, IssuerUnavailable
from app.limits.dependencies import failed, guard
from app.trust import service
from app.trust.problems import AssertionUsed, NotTrusted, TrustNameTaken
from app.trust.schemas import (
    ExchangeInput,
    TokenExchanged,
    TrustChange,
    TrustInput,
    TrustOutput,
    TrustTried,
    TryInput,
)

guarded = api_router("Trust")
anonymous = open_router("Trust")
Reader = Annotated[Actor, Depends(Allowed(Permission.TRUST_READ))]
Manager = Annotated[Actor, Depends(Allowed(Permission.TRUST_MANAGE))]
TrustPath = Annotated[
    str, Path(alias="trust", description="The trust's name, as written.", examples=["churn-ci"])
]


@guarded.post(
    "/trust",
    status_code=201,
    summary="Trust an issuer's tokens",
    responses=responses(NotAllowed, TrustNameTaken, InvalidRequest),
)
async def create_trust(
    wanted: TrustInput,
    actor: Manager,
    session: Transaction,
    runtime: CurrentRuntime,
    response: Response,
) -> TrustOutput:
    """Tie an OIDC issuer, an audience and rules on claims to a service account: whoever brings a
    token that fits gets one of ours for minutes (`POST /auth/exchange`). The issuer is not asked
    now, so one that cannot be reached yet is no fault; `POST /trust/{trust}/test` asks it. Takes an
    admin."""
    made = await service.create(session, actor, wanted, runtime.settings.base_url)
    response.headers["Location"] = f"/api/v1/trust/{quote(made.name, safe='')}"
    response.headers["ETag"] = etag(1)
    return made


@guarded.get("/trust", summary="List trusts", responses=responses(NotAllowed, InvalidRequest))
async def list_trusts(
    actor: Reader,
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TrustOutput]:
    """Whose tokens are trusted, and for what; the oldest first. Takes an admin."""
    page = await service.page(session, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@guarded.get(
    "/trust/{trust}",
    summary="Get a trust",
    response_model=TrustOutput,
    responses=responses(NotAllowed, NotFound),
)
async def get_trust(
    name: TrustPath,
    actor: Reader,
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> TrustOutput | Response:
    """A trust. Takes an admin."""
    found, tag = await service.get(session, name)
    return answer(if_none_match, response, tag) or found


@guarded.patch(
    "/trust/{trust}",
    summary="Change a trust",
    responses=responses(NotAllowed, NotFound, InvalidRequest, StaleRevision),
)
async def edit_trust(
    name: TrustPath,
    wanted: TrustChange,
    actor: Manager,
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> TrustOutput:
    """Change what is named; the rest stays. The tokens that were exchanged under it end at once,
    whatever the change. Takes an admin."""
    found, tag = await service.change(session, actor, name, wanted, if_match)
    response.headers["ETag"] = tag
    return found


@guarded.delete(
    "/trust/{trust}",
    status_code=204,
    summary="Delete a trust",
    responses=responses(NotAllowed, NotFound, StaleRevision),
)
async def delete_trust(
    name: TrustPath, actor: Manager, session: Transaction, if_match: IfMatch = None
) -> None:
    """Trust those tokens no more. What was exchanged for them ends at once. Takes an admin."""
    await service.remove(session, actor, name, if_match)


@guarded.post(
    "/trust/{trust}/test",
    summary="Try a token with a trust",
    responses=responses(NotAllowed, NotFound, InvalidRequest, IssuerUnavailable),
)
async def test_trust(
    name: TrustPath,
    wanted: TryInput,
    actor: Reader,
    runtime: CurrentRuntime,
    issuers: KnownIssuers,
) -> TrustTried:
    """Say what an exchange of this token would come to: whether it counts, and which claim does
    not match. Nothing is issued and the token is not used up. Takes an admin."""
    return await service.attempt(runtime, issuers, name, wanted.token)


@anonymous.post(
    "/auth/exchange",
    status_code=201,
    summary="Exchange a CI token",
    responses=responses(
        *(BadAssertion, AssertionUsed, NotTrusted, InvalidRequest, MalformedRequest, TooLarge),
        *(TooManyRequests, IssuerUnavailable, Unavailable, InternalError),
    ),
)
async def exchange_token(
    wanted: ExchangeInput,
    request: Request,
    response: Response,
    runtime: CurrentRuntime,
    issuers: KnownIssuers,
) -> TokenExchanged:
    """Exchange the token that your CI platform signed for this job for one of ours, which lives for
    minutes. No other token is needed, and no secret is stored anywhere. Each can be exchanged once:
    ask the platform for a fresh one, also where the answer was lost; an `Idempotency-Key` is not
    looked at."""
    guard(request)
    try:
        found = await service.exchange(runtime, issuers, wanted)
    except (NotAuthenticated, NotTrusted):
        await failed(request)
        raise
    response.headers["Location"] = f"/api/v1/tokens/{found.id}"
    response.headers["Cache-Control"] = "no-store"
    return found


router = APIRouter()
router.include_router(guarded)
router.include_router(anonymous)
