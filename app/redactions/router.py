"""The routes of redactions."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfNoneMatch, answer
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.redactions import service
from app.redactions.problems import RedactionRefused
from app.redactions.schemas import RedactionInput, RedactionOutput

router = api_router("Redactions")

Reader = Annotated[Actor, Depends(Allowed(Permission.REDACTIONS_READ))]


@router.post(
    "/redactions",
    status_code=201,
    summary="Remove a text for good",
    responses={
        200: {"model": RedactionOutput, "description": "A dry run: nothing was changed."},
        **responses(NotAllowed, RedactionRefused, InvalidRequest),
    },
)
async def redact(
    wanted: RedactionInput,
    actor: Annotated[Actor, Depends(Allowed(Permission.REDACTIONS_MAKE))],
    session: Transaction,
    response: Response,
) -> RedactionOutput:
    """Take a secret that was pasted somewhere out of everything that is kept: events, descriptions,
    recipes of ready versions, tags, comments and their earlier texts, reviews, policies, names. A
    marker stands in its place. Digests stay as they were: the record still verifies, and says how
    many of its events were redacted. Takes an admin.

    It is all or nothing. What is written while it runs may bring the text back: ask again, until
    `places` is empty. The bytes of files are not looked into, nor are backups or PostgreSQL's own
    log. Change the secret as well: it has been read."""
    found = await service.redact(session, actor, wanted)
    response.headers["ETag"] = service.tag(found)
    if wanted.dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/api/v1/redactions/{found.id}"
    return found


@router.get("/redactions", summary="List redactions", responses=responses(InvalidRequest))
async def list_redactions(
    actor: Reader,
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RedactionOutput]:
    """All redactions, the newest first. Takes an admin."""
    page = await service.page(session, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/redactions/{redaction_id}",
    summary="Get a redaction",
    response_model=RedactionOutput,
    responses=responses(NotFound),
)
async def get_redaction(
    redaction_id: Annotated[
        UUID,
        Path(description="The redaction's id.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a90"]),
    ],
    actor: Reader,
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> RedactionOutput | Response:
    """What was removed from where, by whom and why. Takes an admin."""
    found = await service.get(session, redaction_id)
    return answer(if_none_match, response, service.tag(found)) or found
