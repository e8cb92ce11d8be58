"""The routes of grants."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from app.access import service
from app.access.dependencies import Allowed
from app.access.schemas import GrantInput, GrantOutput
from app.access.table import Permission
from app.core.actor import Actor
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.identities.problems import LastAdmin
from app.identities.schemas import RoleName
from app.tokens.schemas import Glob

router = api_router("Grants")

Manager = Annotated[Actor, Depends(Allowed(Permission.GRANTS_MANAGE))]
Subject = Annotated[
    str | None,
    Query(max_length=128, description="The identity or the group.", examples=["alice"]),
]
RoleAsked = Annotated[RoleName | None, Query(description="The role.", examples=["reader"])]


@router.get("/grants", summary="List grants", responses=responses(NotAllowed, InvalidRequest))
async def list_grants(
    actor: Annotated[Actor, Depends(Allowed(Permission.GRANTS_READ))],
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
    subject: Subject = None,
    role: RoleAsked = None,
) -> Page[GrantOutput]:
    """Who has which role on which models, the oldest first. Takes an admin; your own roles are in
    `GET /me`."""
    page = await service.page(session, subject=subject, role=role, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.put(
    "/grants",
    summary="Give a role",
    responses={**responses(NotAllowed, InvalidRequest), 201: {"description": "The grant is new."}},
)
async def give_grant(
    wanted: GrantInput, actor: Manager, session: Transaction, response: Response
) -> GrantOutput:
    """Give an identity or a group a role on the models whose name matches a glob, also on those
    that will be made later. It counts within a second. Once more is no change. Takes an admin."""
    grant, is_new = await service.give(session, actor, wanted)
    response.status_code = 201 if is_new else 200
    return grant


async def named_grant(
    body: GrantInput | None = None,
    subject: Subject = None,
    role: RoleAsked = None,
    models: Annotated[
        Glob | None, Query(description="The glob, as it was given.", examples=["fraud-*"])
    ] = None,
) -> GrantInput:
    """The grant that a request names, by its query or by its body."""
    given = {"subject": subject, "role": role, "models": models}
    named = {key: value for key, value in given.items() if value is not None}
    if body is not None and not named:
        return body
    missing = [key for key in given if key not in named]
    if missing or body is not None or subject is None or role is None or models is None:
        detail = "Name the grant by the parameters subject, role and models, or by a body of them."
        errors = [{"pointer": key, "detail": "This is required."} for key in missing]
        raise InvalidRequest(detail, errors=errors)
    return GrantInput(subject=subject, role=role, models=models)


@router.delete(
    "/grants",
    status_code=204,
    summary="Remove a role",
    responses=responses(NotFound, NotAllowed, LastAdmin, InvalidRequest),
)
async def remove_grant(
    named: Annotated[GrantInput, Depends(named_grant)], actor: Manager, session: Transaction
) -> None:
    """Remove the grant that `subject`, `role` and `models` name, as query parameters or, where a
    client can send one with DELETE, as a body. It counts within a second. The last enabled admin's
    stays. Takes an admin."""
    await service.remove(session, actor, named)
