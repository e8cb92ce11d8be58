"""The routes of naming conventions."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.pages import Cursor, Limit, link_next
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead
from app.models.tables import Model
from app.naming import service
from app.naming.schemas import FreePreviewInput, PreviewInput, PreviewOutput, ReportPage

router = api_router("Models")
ToRead = Annotated[Model, Depends(ModelToRead(Permission.MODELS_READ))]


@router.post(
    "/models/{model}/naming/preview",
    summary="Try a naming convention",
    responses=responses(NotFound, InvalidRequest),
)
async def preview_naming(wanted: PreviewInput, model: ToRead, session: Reading) -> PreviewOutput:
    """The name that a version would get by the model's convention, or by the one that is given
    here, and what would be wrong with it: the field that the template lacks, or the rules that it
    breaks. Nothing is changed, and no number is taken.

    Try it on an existing `version`, on a `sample`, or on neither. Whether the name is taken is only
    known when a version is registered."""
    return await service.try_on_model(session, model, wanted)


@router.post(
    "/naming/preview",
    summary="Try a naming convention without a model",
    responses=responses(InvalidRequest),
)
async def preview_naming_freely(
    wanted: FreePreviewInput,
    _: Annotated[Actor, Depends(Allowed(Permission.MODELS_LIST))],
    session: Reading,
) -> PreviewOutput:
    """The same for a model that is not made yet. Nothing of an existing model is looked at."""
    return await service.try_freely(session, wanted)


@router.get(
    "/models/{model}/naming/report",
    summary="List what does not follow the naming convention",
    responses=responses(NotFound, InvalidRequest),
)
async def report_naming(
    model: ToRead,
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ReportPage:
    """The aliases and versions that do not follow the model's convention as it is now, each with
    what is wrong and, where it is known, the name that would be right. A version without a name is
    among them where there is a convention for names.

    Each page looks at 1,000 of them at most, whatever it finds: go on until `next_cursor` is
    null."""
    page = await service.report(session, model, cursor, limit)
    link_next(request, response, page.next_cursor)
    return page
