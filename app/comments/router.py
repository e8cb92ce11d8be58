"""The routes of comments."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.comments import service
from app.comments.dependencies import (
    CommentToChange,
    CommentToRead,
    PromotionDiscussed,
    PromotionToComment,
    VersionToComment,
)
from app.comments.problems import CommentDeleted
from app.comments.queries import CommentView
from app.comments.schemas import CommentInput, CommentOutput, EarlierTextOutput
from app.comments.service import Place
from app.core.etags import IfMatch, IfNoneMatch, answer, etag
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.versions import service as versions
from app.versions.dependencies import VersionToRead
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Comments")
P = Permission


@router.post(
    "/models/{model}/versions/{ref}/comments",
    summary="Comment on a version",
    status_code=201,
    response_model=CommentOutput,
    responses={
        201: {"headers": RESOLVED},
        **responses(NotFound, NotAllowed, AmbiguousReference, InvalidRequest),
    },
)
async def comment_on_version(
    wanted: CommentInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    place: Annotated[Place, Depends(VersionToComment(P.COMMENTS_WRITE))],
) -> CommentOutput:
    """Say something about a version, in any status and stage. Takes a contributor.

    The record (`GET /events`) keeps the SHA-256 and the length of a comment's text, not the text.
    """
    response.headers.update(versions.resolved(place.version))
    return _added(response, await service.add(session, actor, place, wanted))


@router.get(
    "/models/{model}/versions/{ref}/comments",
    summary="List the comments on a version",
    responses={
        200: {"headers": RESOLVED},
        **responses(NotFound, AmbiguousReference, InvalidRequest),
    },
)
async def list_comments_on_version(
    request: Request,
    response: Response,
    session: Reading,
    found: Annotated[VersionView, Depends(VersionToRead(P.COMMENTS_READ))],
    promotions: Annotated[
        bool, Query(description="Also list the comments on the version's promotions.")
    ] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CommentOutput]:
    """The comments on the version, oldest first. A deleted one keeps its place, without its
    text."""
    page = await service.on_version(
        session, found.version, promotions=promotions, cursor=cursor, limit=limit
    )
    response.headers.update(versions.resolved(found.version))
    link_next(request, response, page.next_cursor)
    return page


@router.post(
    "/promotions/{promotion}/comments",
    summary="Comment on a promotion",
    status_code=201,
    response_model=CommentOutput,
    responses=responses(NotFound, NotAllowed, InvalidRequest),
)
async def comment_on_promotion(
    wanted: CommentInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    place: Annotated[Place, Depends(PromotionToComment(P.COMMENTS_WRITE))],
) -> CommentOutput:
    """Say something about a promotion, also about one that has ended. Takes a contributor.

    It is no review: it changes neither the promotion's status nor its `ETag`, and wakes nobody who
    waits for the promotion."""
    return _added(response, await service.add(session, actor, place, wanted))


@router.get(
    "/promotions/{promotion}/comments",
    summary="List the comments on a promotion",
    responses=responses(NotFound, InvalidRequest),
)
async def list_comments_on_promotion(
    request: Request,
    response: Response,
    session: Reading,
    promotion_id: Annotated[UUID, Depends(PromotionDiscussed(P.COMMENTS_READ))],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CommentOutput]:
    """The comments on the promotion, oldest first. A deleted one keeps its place, without its
    text. What reviewers wrote with their verdicts is in the promotion's `reviews`."""
    page = await service.on_promotion(session, promotion_id, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/comments/{comment}",
    summary="Get a comment",
    response_model=CommentOutput,
    responses=responses(NotFound),
)
async def get_comment(
    response: Response,
    view: Annotated[CommentView, Depends(CommentToRead(P.COMMENTS_READ))],
    if_none_match: IfNoneMatch = None,
) -> CommentOutput | Response:
    """A comment as it is now; a deleted one without its text."""
    return answer(if_none_match, response, etag(view.comment.revision)) or service.show(view)


@router.patch(
    "/comments/{comment}",
    summary="Edit a comment",
    response_model=CommentOutput,
    responses=responses(NotFound, NotAllowed, CommentDeleted, InvalidRequest, StaleRevision),
)
async def edit_comment(
    wanted: CommentInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    view: Annotated[CommentView, Depends(CommentToChange(P.COMMENTS_WRITE))],
    if_match: IfMatch = None,
) -> CommentOutput:
    """Only its author edits a comment, whatever the role of others. The text that it had stays
    readable at `/comments/{comment}/history`; the same text changes nothing."""
    view = await service.edit(session, actor, view, wanted, if_match)
    response.headers["ETag"] = etag(view.comment.revision)
    return service.show(view)


@router.delete(
    "/comments/{comment}",
    summary="Delete a comment",
    status_code=204,
    responses=responses(NotFound, NotAllowed, CommentDeleted, StaleRevision),
)
async def delete_comment(
    session: Transaction,
    actor: CurrentActor,
    view: Annotated[CommentView, Depends(CommentToChange(P.COMMENTS_WRITE))],
    if_match: IfMatch = None,
) -> None:
    """Its author may, and a maintainer of the model. The comment keeps its place in the discussion
    and says who deleted it and when; its text and its history are shown to nobody any more, admins
    included. The texts remain in the database; the record never held more of them than their
    SHA-256 and length."""
    await service.delete(session, actor, view, if_match)


@router.get(
    "/comments/{comment}/history",
    summary="List a comment's earlier texts",
    responses=responses(NotFound, InvalidRequest),
)
async def list_earlier_texts(
    request: Request,
    response: Response,
    session: Reading,
    view: Annotated[CommentView, Depends(CommentToRead(P.COMMENTS_READ))],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EarlierTextOutput]:
    """Every text that the comment had before the present one, newest first, and from when to when
    it stood there. A 404 for a deleted comment."""
    page = await service.history(session, view, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


def _added(response: Response, view: CommentView) -> CommentOutput:
    response.headers["Location"] = f"/api/v1/comments/{view.comment.id}"
    response.headers["ETag"] = etag(view.comment.revision)
    return service.show(view)
