"""The routes of groups."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Path, Request, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer, etag
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.groups import service
from app.groups.schemas import GroupChange, GroupInput, GroupOutput
from app.identities.problems import LastAdmin, NameTaken

router = api_router("Groups")

GroupPath = Annotated[
    str, Path(description="The group's name, as written.", examples=["risk-team"])
]
MemberPath = Annotated[
    str, Path(description="The identity's name, as written.", examples=["alice"])
]
Reader = Annotated[Actor, Depends(Allowed(Permission.GROUPS_READ))]
Manager = Annotated[Actor, Depends(Allowed(Permission.GROUPS_MANAGE))]


@router.post(
    "/groups",
    status_code=201,
    summary="Create a group",
    responses=responses(NotAllowed, NameTaken, InvalidRequest),
)
async def create_group(
    wanted: GroupInput, actor: Manager, session: Transaction, response: Response
) -> GroupOutput:
    """Make a group, without members as yet. Grants and policies can name it. Takes an admin."""
    group = await service.create(session, actor, wanted)
    response.headers["Location"] = f"/api/v1/groups/{quote(group.name, safe='')}"
    response.headers["ETag"] = etag(group.revision)
    return service.output(group, None, None)


@router.get("/groups", summary="List groups", responses=responses(InvalidRequest))
async def list_groups(
    actor: Reader,
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[GroupOutput]:
    """All groups with their members, the oldest first."""
    page = await service.page(session, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/groups/{group}",
    summary="Get a group",
    response_model=GroupOutput,
    responses=responses(NotFound),
)
async def get_group(
    group: GroupPath,
    actor: Reader,
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> GroupOutput | Response:
    """A group and who is in it."""
    found, tag = await service.get(session, group)
    return answer(if_none_match, response, tag) or found


@router.patch(
    "/groups/{group}",
    summary="Edit a group",
    responses=responses(NotFound, NotAllowed, LastAdmin, InvalidRequest, StaleRevision),
)
async def edit_group(
    group: GroupPath,
    wanted: GroupChange,
    actor: Manager,
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> GroupOutput:
    """Change what is named; the rest stays. With another `claim`, those who are in the group by
    the one before leave it at once, and come back as they sign in. Refused where nobody would be
    an admin any more. Takes an admin."""
    found, tag = await service.change(session, actor, group, wanted, if_match)
    response.headers["ETag"] = tag
    return found


@router.delete(
    "/groups/{group}",
    status_code=204,
    summary="Delete a group",
    responses=responses(NotFound, NotAllowed, LastAdmin, StaleRevision),
)
async def delete_group(
    group: GroupPath, actor: Manager, session: Transaction, if_match: IfMatch = None
) -> None:
    """Delete a group and what was granted to it; its members stay. Refused where nobody would be
    an admin any more. Takes an admin."""
    await service.delete_group(session, actor, group, if_match)


@router.put(
    "/groups/{group}/members/{name}",
    summary="Put an identity into a group",
    responses={
        **responses(NotFound, NotAllowed, StaleRevision),
        201: {"description": "It was not in the group before."},
    },
)
async def add_member(
    group: GroupPath,
    name: MemberPath,
    actor: Manager,
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> GroupOutput:
    """Have an identity hold what the group was granted, within a second. Once more is no change.
    Takes an admin."""
    found, tag, changed = await service.add_member(session, actor, group, name, if_match)
    response.status_code = 201 if changed else 200
    response.headers["ETag"] = tag
    return found


@router.delete(
    "/groups/{group}/members/{name}",
    status_code=204,
    summary="Take an identity out of a group",
    responses=responses(NotFound, NotAllowed, LastAdmin, StaleRevision),
)
async def remove_member(
    group: GroupPath,
    name: MemberPath,
    actor: Manager,
    session: Transaction,
    if_match: IfMatch = None,
) -> None:
    """Have an identity no longer hold what the group was granted, within a second. Refused where
    nobody would be an admin any more. Takes an admin."""
    await service.remove_member(session, actor, group, name, if_match)
