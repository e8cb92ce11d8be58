"""The routes of documents."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.cards import changelog, service
from app.cards.schemas import ChangelogOutput
from app.core.etags import IfNoneMatch, document
from app.core.pages import Cursor, Limit, link_next
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead, load_model
from app.models.tables import Model
from app.versions import service as versions
from app.versions.dependencies import VersionToRead
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Knowing")

MARKDOWN = "text/markdown"
TEXT = {MARKDOWN: {"schema": {"type": "string"}}}


@router.get(
    "/models/{model}/versions/{ref}/card",
    summary="Get a version's card",
    response_class=Response,
    responses={
        200: {"description": "The card.", "headers": RESOLVED, "content": TEXT},
        **responses(NotFound, AmbiguousReference, InvalidRequest),
    },
)
async def get_card(
    view: Annotated[VersionView, Depends(VersionToRead(Permission.VERSIONS_READ))],
    actor: CurrentActor,
    session: Reading,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A version's documentation as Markdown: what it is, what people noted about its use and its
    limits, what changed and why, data, hyperparameters, results against the version that held
    production before it, environment, code, files, and who reviewed and approved it.

    Made to be committed: the same facts give the same bytes, and the `ETag` is theirs. Nothing that
    somebody wrote is Markdown in it. Parents in models that you cannot see are left out."""
    model = await load_model(session, actor, view.model, Permission.VERSIONS_READ)
    content = (await service.card_of(session, actor, model, view)).encode()
    headers = versions.resolved(view.version)
    return document(if_none_match, content, media_type=MARKDOWN, headers=headers)


@router.get(
    "/models/{model}/changelog",
    summary="Get a model's changelog",
    response_model=ChangelogOutput,
    responses={200: {"content": TEXT}, **responses(NotFound, InvalidRequest)},
)
async def get_changelog(
    model: Annotated[Model, Depends(ModelToRead(Permission.VERSIONS_READ))],
    session: Reading,
    request: Request,
    since: Annotated[
        int | None,
        Query(ge=0, description="Only versions with a greater number.", examples=[3]),
    ] = None,
    format_: Annotated[
        Literal["markdown", "json"],
        Query(alias="format", description="`markdown`: a page to commit. `json`: the same facts."),
    ] = "markdown",
    limit: Limit = 50,
    cursor: Cursor = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What each ready version of a model brought, the newest first: what changed and why, its
    metrics against the ready version before, how its stage changed, and whether it was recalled.

    The same facts give the same bytes, and the `ETag` is theirs. Older versions stand on the next
    page, which the `Link` header names."""
    found = await service.changelog(session, model, since=since, cursor=cursor, limit=limit)
    if format_ == "json":
        content, media_type = found.model_dump_json(by_alias=True), "application/json"
    else:
        content, media_type = changelog.write(found), MARKDOWN
    response = document(if_none_match, content.encode(), media_type=media_type, headers={})
    if response.status_code == 200:
        link_next(request, response, found.next_cursor)
    return response
