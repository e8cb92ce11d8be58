"""The routes of lists of versions."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import Allowed, CurrentActor
from app.access.table import Permission
from app.core.actor import Actor
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotFound, Unavailable
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading, Runtime
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead
from app.models.tables import Model
from app.search import service
from app.search.parameters import NO_NUL, VersionFilter, VersionOrder, VersionText
from app.search.problems import SearchTooCostly
from app.search.service import Asked
from app.versions import service as versions
from app.versions.rendering import JSON, render_page
from app.versions.schemas import VersionOutput

router = api_router("Versions")

Ids = Annotated[
    str | None,
    Query(
        max_length=8000,
        description="Up to 200 versions by model and number, with commas in between; goes with no "
        "other parameter. They come in this order, each once, without those that are not there or "
        "hidden from you.",
        examples=["churn/3,fraud/7"],
    ),
]


@router.get(
    "/models/{model}/versions",
    summary="List a model's versions",
    response_model=Page[VersionOutput],
    responses=responses(NotFound, InvalidRequest, SearchTooCostly, Unavailable),
)
async def list_versions(
    model: Annotated[Model, Depends(ModelToRead(Permission.VERSIONS_READ))],
    actor: CurrentActor,
    session: Reading,
    runtime: CurrentRuntime,
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
    filter: VersionFilter = None,
    order_by: VersionOrder = None,
    q: VersionText = None,
    stage: Annotated[
        str | None,
        Query(
            max_length=64,
            pattern=NO_NUL,
            description="Only those that hold this stage; `none` for no stage.",
        ),
    ] = None,
    status: Annotated[
        Literal["draft", "verifying", "ready", "failed"] | None,
        Query(description="Only those of this status."),
    ] = None,
) -> Response:
    """The versions of a model, newest first or in the order that is asked for."""
    await session.close()  # searches have connections of their own: hold no other meanwhile
    asked = Asked(filter, order_by, q, stage, status, cursor, limit)
    return _page(
        request,
        *await service.list_versions(runtime.db, request.app.state.kept, actor, model, asked),
    )


@router.get(
    "/versions",
    summary="Search versions",
    response_model=Page[VersionOutput],
    responses=responses(InvalidRequest, SearchTooCostly, Unavailable),
)
async def search_versions(
    actor: Annotated[Actor, Depends(Allowed(Permission.MODELS_LIST))],
    runtime: CurrentRuntime,
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
    filter: VersionFilter = None,
    order_by: VersionOrder = None,
    q: VersionText = None,
    ids: Ids = None,
) -> Response:
    """The versions of all models that you can see, newest first or in the order that is asked
    for; or, with `ids`, those that you name."""
    if ids is not None:
        return await _of_ids(runtime, actor, request, ids)
    asked = Asked(filter, order_by, q, None, None, cursor, limit)
    return _page(
        request, *await service.list_everywhere(runtime.db, request.app.state.kept, actor, asked)
    )


async def _of_ids(runtime: Runtime, actor: Actor, request: Request, ids: str) -> Response:
    """The versions that are named, and nothing else that could be asked with them."""
    others = sorted(set(request.query_params) - {"ids"})
    if others:
        detail = "It goes with no other parameter: `ids` says which versions, and in which order."
        raise InvalidRequest(
            f"ids: {detail}", errors=[{"pointer": name, "detail": detail} for name in others]
        )
    async with runtime.db.reading() as session:
        found = await versions.of_ids(session, actor, ids)
    return Response(render_page(found, actor, None), media_type=JSON)


def _page(request: Request, body: bytes, cursor: str | None) -> Response:
    response = Response(body, media_type=JSON)
    link_next(request, response, cursor)
    return response
