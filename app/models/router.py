"""The routes of models."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import Allowed, CurrentActor
from app.access.service import check_new
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import Conflict, InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.models import service
from app.models.dependencies import ModelToChange, ModelToRead
from app.models.problems import ModelInUse, ModelNameTaken
from app.models.schemas import ModelChange, ModelInput, ModelOutput
from app.models.tables import Model
from app.search import service as search
from app.search.parameters import ModelFilter, ModelOrder, ModelText
from app.versions import service as versions

router = api_router("Models")


async def _shown(session: Any, model: Model, response: Response) -> ModelOutput:
    found, tag = await versions.show_model(session, model)
    response.headers["ETag"] = tag
    return found


class NameToGive:
    """A dependency: an actor who may make a model of the wanted name. Not in the handler, so that
    the right is asked for again before a kept answer is replayed."""

    permission = Permission.MODELS_CREATE

    async def __call__(self, wanted: ModelInput, actor: CurrentActor) -> Actor:
        """The actor, or a 403."""
        check_new(actor, self.permission, wanted.name)
        return actor


@router.post(
    "/models",
    status_code=201,
    summary="Create a model",
    responses=responses(ModelNameTaken, NotAllowed, InvalidRequest),
)
async def create_model(
    wanted: ModelInput,
    actor: Annotated[Actor, Depends(NameToGive())],
    session: Transaction,
    response: Response,
) -> ModelOutput:
    """Make a model. It takes the role contributor on a glob that its name matches.

    Names are unique without regard to case, also among deleted models."""
    model = await service.create(session, actor, wanted)
    response.headers["Location"] = f"/api/v1/models/{service.quoted(model.name)}"
    return await _shown(session, model, response)


@router.get("/models", summary="List models", responses=responses(InvalidRequest))
async def list_models(
    actor: Annotated[Actor, Depends(Allowed(Permission.MODELS_LIST))],
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
    filter: ModelFilter = None,
    order_by: ModelOrder = None,
    q: ModelText = None,
) -> Page[ModelOutput]:
    """The models that you can see, by name, or in the order that you ask for. A `next_cursor` goes
    on with the same `filter`, `order_by` and `q`, and with no other."""
    page = await search.list_models(
        session,
        actor,
        filter_text=filter,
        order_text=order_by,
        q=q,
        cursor=cursor,
        limit=limit,
    )
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/models/{model}",
    summary="Get a model",
    response_model=ModelOutput,
    responses=responses(NotFound),
)
async def get_model(
    model: Annotated[Model, Depends(ModelToRead(Permission.MODELS_READ))],
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> ModelOutput | Response:
    """A model with who holds which stage now, and its aliases."""
    found, tag = await versions.show_model(session, model)
    return answer(if_none_match, response, tag) or found


@router.patch(
    "/models/{model}",
    summary="Edit a model",
    responses=responses(NotFound, NotAllowed, InvalidRequest, StaleRevision),
)
async def edit_model(
    change: ModelChange,
    model: Annotated[Model, Depends(ModelToChange(Permission.MODELS_EDIT))],
    actor: CurrentActor,
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> ModelOutput:
    """Change the description, tags or naming convention. A field that is named is replaced as a
    whole; the others stay. Names of existing versions do not change."""
    return await _shown(
        session, await service.edit(session, actor, model, change, if_match), response
    )


@router.delete(
    "/models/{model}",
    status_code=204,
    summary="Delete a model",
    responses=responses(NotFound, NotAllowed, ModelInUse, StaleRevision),
)
async def delete_model(
    model: Annotated[Model, Depends(ModelToChange(Permission.MODELS_DELETE, deleted=None))],
    actor: CurrentActor,
    session: Transaction,
    if_match: IfMatch = None,
    purge: Annotated[
        bool,
        Query(
            description="Also free its bytes for good (takes an admin); it cannot be restored "
            "then, and its name is free again."
        ),
    ] = False,
) -> None:
    """Hide a model; its events stay, and `POST /models/{model}/restore` brings it back. Refused
    while a version holds a stage other than `archived`, or is a parent in another model."""
    await versions.delete_model(session, actor, model, if_match=if_match, purge=purge)


@router.post(
    "/models/{model}/restore",
    summary="Restore a deleted model",
    responses=responses(NotFound, NotAllowed, Conflict),
)
async def restore_model(
    model: Annotated[Model, Depends(ModelToChange(Permission.MODELS_RESTORE, deleted=None))],
    actor: CurrentActor,
    session: Transaction,
    response: Response,
) -> ModelOutput:
    """Bring back a model that was deleted and not purged, with all its versions."""
    return await _shown(session, await service.restore(session, actor, model), response)
