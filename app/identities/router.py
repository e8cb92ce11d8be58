"""The routes of identities, and of who you are."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Path, Query, Request, Response

from app.access import service as access
from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.identities import service
from app.identities.problems import LastAdmin, NameTaken
from app.identities.schemas import IdentityChange, IdentityInput, IdentityOutput, Kind, Me

router = api_router("Identities")

IdentityPath = Annotated[
    str, Path(description="The identity's name, as written.", examples=["alice"])
]


@router.get("/me", summary="Show who you are")
async def get_me(
    actor: Annotated[Actor, Depends(Allowed(Permission.SELF_READ))], session: Reading
) -> Me:
    """The identity that your token belongs to, its groups and roles, and the token itself."""
    return await access.describe(session, actor)


@router.post(
    "/identities",
    status_code=201,
    summary="Create an identity",
    responses=responses(NotAllowed, NameTaken, InvalidRequest),
)
async def create_identity(
    wanted: IdentityInput,
    actor: Annotated[Actor, Depends(Allowed(Permission.IDENTITIES_MANAGE))],
    session: Transaction,
    response: Response,
) -> IdentityOutput:
    """Make a person or a service account. It can do nothing before it has a token (`POST
    /tokens`), and sees no model before it has a role on some (`PUT /grants`). Takes an admin."""
    identity, tag = await service.create(session, actor, wanted)
    response.headers["Location"] = f"/api/v1/identities/{quote(identity.name, safe='')}"
    response.headers["ETag"] = tag
    return identity


@router.get("/identities", summary="List identities", responses=responses(InvalidRequest))
async def list_identities(
    actor: Annotated[Actor, Depends(Allowed(Permission.IDENTITIES_READ))],
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
    kind: Annotated[Kind | None, Query(description="Only people, or only machines.")] = None,
    owner: Annotated[
        str | None, Query(max_length=128, description="Only the service accounts of this user.")
    ] = None,
    disabled: Annotated[
        bool | None, Query(description="Only disabled ones, or only enabled ones.")
    ] = None,
    owner_disabled: Annotated[
        bool | None,
        Query(description="Only those whose owner is disabled: nobody answers for them."),
    ] = None,
) -> Page[IdentityOutput]:
    """Everybody who may come with a token, the oldest first."""
    page = await service.page(
        session,
        kind=kind,
        owner=owner,
        disabled=disabled,
        owner_disabled=owner_disabled,
        cursor=cursor,
        limit=limit,
    )
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/identities/{name}",
    summary="Get an identity",
    response_model=IdentityOutput,
    responses=responses(NotFound),
)
async def get_identity(
    name: IdentityPath,
    actor: Annotated[Actor, Depends(Allowed(Permission.IDENTITIES_READ))],
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> IdentityOutput | Response:
    """A person or a service account."""
    found, tag = await service.get(session, name)
    return answer(if_none_match, response, tag) or found


@router.patch(
    "/identities/{name}",
    summary="Disable, enable or edit an identity",
    responses=responses(NotFound, NotAllowed, LastAdmin, InvalidRequest, StaleRevision),
)
async def edit_identity(
    name: IdentityPath,
    wanted: IdentityChange,
    actor: Annotated[Actor, Depends(Allowed(Permission.IDENTITIES_MANAGE))],
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> IdentityOutput:
    """Change what is named; the rest stays. While an identity is disabled, none of its tokens
    works, and its reviews of open promotions do not count; its grants and what it did stay, and
    count again when it is enabled. The last enabled admin cannot be disabled.

    Its service accounts work on: `service_accounts` says how many. Give them another owner, or
    disable them too. Takes an admin."""
    identity, response.headers["ETag"] = await service.change(
        session, actor, name, wanted, if_match
    )
    return identity
