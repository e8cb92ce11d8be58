"""The route of events."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from sqlalchemy import ColumnElement

from app.access.dependencies import Allowed, authenticate
from app.access.service import visible
from app.access.table import Permission
from app.audit import service
from app.audit.queries import Asked, seen_by
from app.audit.schemas import EventPage
from app.audit.tables import Event
from app.core.actor import Actor
from app.core.pages import Cursor, Limit, link_next
from app.core.problems import InvalidRequest
from app.core.problems_docs import responses
from app.core.runtime import get_runtime
from app.edge.routing import api_router

router = api_router("Events")

LONGEST_WAIT = 30


def _asked(
    limit: Limit = 50,
    cursor: Cursor = None,
    after: Annotated[
        str | None,
        Query(
            max_length=2000,
            description="Only what comes later in the record: `next_after` of an earlier answer, "
            "or the `cursor` of an event.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        Query(max_length=128, description="Only of this model, as written.", examples=["churn"]),
    ] = None,
    actor: Annotated[
        str | None,
        Query(max_length=128, description="Only what this identity did.", examples=["alice"]),
    ] = None,
    action: Annotated[
        str | None,
        Query(max_length=128, description="Only this action.", examples=["promotion.applied"]),
    ] = None,
    order: Annotated[
        Literal["asc", "desc"],
        Query(description="`asc`: as it happened, for following. `desc`: the newest first."),
    ] = "asc",
) -> Asked:
    """Which part of the record is asked for."""
    return Asked(
        after=service.position(after, "after"),
        cursor=service.position(cursor, "cursor"),
        model=model,
        actor=actor,
        action=action,
        newest_first=order == "desc",
        limit=limit,
    )


@router.get("/events", summary="Read or follow the record", responses=responses(InvalidRequest))
async def list_events(
    asked: Annotated[Asked, Depends(_asked)],
    actor: Annotated[Actor, Depends(Allowed(Permission.EVENTS_READ))],
    request: Request,
    response: Response,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            description="Where there is nothing, wait up to so many seconds for something.",
        ),
    ] = 0,
) -> EventPage:
    """Every change: who made it, when, from where, and what differed. Events are only ever added.

    The order is that in which changes were committed, without holes: whoever reads on from
    `next_after` sees each event once and misses none, however late its transaction ended. So an
    event may show a moment after its change, once all older transactions have ended.

    You see the events of the models that you can see and, of the rest (identities, tokens, grants,
    groups), what you did yourself; an admin sees all."""

    async def seen() -> ColumnElement[bool]:
        # A token that was revoked during a long wait reads nothing more.
        now = await authenticate(request)
        return seen_by(now, visible(now, Event.model))

    page = await service.follow(get_runtime(request).db, asked, seen, wait)
    link_next(request, response, page.next_cursor)
    return page
