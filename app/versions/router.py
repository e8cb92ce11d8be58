"""The routes of versions."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.access.dependencies import Allowed, CurrentActor
from app.access.service import check
from app.access.table import Permission
from app.core.actor import Actor
from app.core.errors import problem_type
from app.core.etags import IfMatch, IfNoneMatch, not_modified
from app.core.problems import (
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Problem,
    StaleRevision,
)
from app.core.problems_docs import responses
from app.core.runtime import Reading, Runtime, Transaction, get_runtime
from app.edge.routing import api_router, first_by, read_shape
from app.files import service as files
from app.files.schemas import VersionRegistration
from app.models import service as models
from app.models.dependencies import ModelToChange
from app.models.tables import Model
from app.versions import service
from app.versions.dependencies import VersionInModel, VersionToChange, VersionToRead
from app.versions.problems import (
    AmbiguousReference,
    NameTemplateLacksField,
    VersionInUse,
    VersionIsReady,
    VersionNameTaken,
)
from app.versions.queries import VersionView
from app.versions.rendering import JSON, render
from app.versions.schemas import (
    RecallInput,
    ReferenceInput,
    ReferenceProblem,
    ResolvedList,
    ResolvedOutput,
    ResolveInput,
    VersionChange,
    VersionOutput,
)
from app.versions.tables import Version

router = api_router("Versions")


async def _shown(
    session: Transaction, actor: Actor, version: Version, status: int = 200, **headers: str
) -> Response:
    body, tag = await service.show(session, actor, version)
    return Response(body, status, {"ETag": tag, **headers}, media_type=JSON)


async def register_at_once(request: Request, actor: Actor) -> Response | None:
    """Register what one statement can, which is most: a version without files and parents, of a
    model without a naming convention."""
    model = request.path_params["model"]
    check(actor, Permission.VERSIONS_CREATE, model)
    wanted = read_shape(request, VersionRegistration)
    draft = None if wanted is None else files.draft_of(actor, model, wanted)
    if draft is None:
        return None
    told = await request.app.state.registrar.register(draft)
    if told.outcome != "made":
        return None
    body, tag = service.as_registered(draft, told)
    location = f"/api/v1/models/{models.quoted(model)}/versions/{told.number}"
    headers = {"ETag": tag, "Location": location}
    return Response(body, 201, headers, media_type=JSON)


@router.post(
    "/models/{model}/versions",
    status_code=201,
    summary="Register a version",
    response_model=VersionOutput,
    responses=responses(
        NotFound, NotAllowed, VersionNameTaken, NameTemplateLacksField, InvalidRequest, Conflict
    ),
)
@first_by(register_at_once)
async def create_version(
    wanted: VersionRegistration,
    model: Annotated[Model, Depends(ModelToChange(Permission.VERSIONS_CREATE))],
    actor: CurrentActor,
    session: Transaction,
    runtime: Annotated[Runtime, Depends(get_runtime)],
) -> Response:
    """Register a version with its recipe. It gets the next number and is a draft, to which files
    are sent; `finalize: true` makes it ready at once, where no bytes are missing.

    Every field is optional. `files` declares what will be sent: bytes that are stored already in
    a version that you can read are attached at once, the others are what `finalize` waits for."""
    version = await files.register(session, actor, model, wanted, runtime.store.part_size_for)
    name = models.quoted(model.name)
    location = f"/api/v1/models/{name}/versions/{version.number}"
    return await _shown(session, actor, version, 201, Location=location)


@router.post(
    "/resolve",
    summary="Resolve many references",
    response_model=ResolvedList,
    response_model_exclude_unset=True,
    responses=responses(InvalidRequest),
)
async def resolve_many(
    wanted: ResolveInput,
    actor: Annotated[Actor, Depends(Allowed(Permission.VERSIONS_RESOLVE))],
    session: Reading,
    request: Request,
) -> ResolvedList:
    """What many references mean, at one instant: a serving host that holds a hundred models asks
    once. A reference that means nothing, or whose model is hidden from you, has its `problem` in
    its place, and the others are answered all the same."""
    found = await service.resolve_many(session, actor, wanted.refs)
    items = [
        _unresolved(request, ref, each) if isinstance(each, Problem) else each
        for ref, each in zip(wanted.refs, found, strict=True)
    ]
    return ResolvedList(items=items)


def _unresolved(request: Request, ref: ReferenceInput, problem: Problem) -> ResolvedOutput:
    told = ReferenceProblem(
        type=problem_type(request, problem.slug),
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
    )
    nothing = dict.fromkeys(("number", "stage", "manifest_sha256", "recalled"))
    return ResolvedOutput(model=ref.model, ref=ref.ref, **nothing, problem=told)


@router.get(
    "/models/{model}/versions/{ref}",
    summary="Get a version",
    response_model=VersionOutput,
    responses=responses(NotFound, AmbiguousReference),
)
async def get_version(
    version: Annotated[VersionView, Depends(VersionToRead(Permission.VERSIONS_READ))],
    actor: CurrentActor,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A version, by number, `@alias`, `latest`, stage or name; `number` says which it is."""
    headers = {"ETag": service.tag_of(version.version)}
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(render(version, actor), headers=headers, media_type=JSON)


@router.patch(
    "/models/{model}/versions/{n}",
    summary="Edit a version",
    response_model=VersionOutput,
    responses=responses(
        NotFound, NotAllowed, VersionIsReady, VersionNameTaken, InvalidRequest, StaleRevision
    ),
)
async def edit_version(
    change: VersionChange,
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.VERSIONS_EDIT))],
    actor: CurrentActor,
    session: Transaction,
    if_match: IfMatch = None,
) -> Response:
    """Change a draft in everything, or the `description` and `tags` of a ready version. A field
    that is named is replaced as a whole; the others stay.

    Editing the description makes reviews that saw the old one stale."""
    version = await service.edit(session, actor, target.model, target.version, change, if_match)
    return await _shown(session, actor, version)


@router.delete(
    "/models/{model}/versions/{n}",
    status_code=204,
    summary="Delete a version",
    responses=responses(NotFound, NotAllowed, VersionInUse, StaleRevision),
)
async def delete_version(
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.VERSIONS_DELETE))],
    actor: CurrentActor,
    session: Transaction,
    if_match: IfMatch = None,
) -> None:
    """Delete a version that holds no stage but `archived`, has no alias, and is nobody's parent.
    Its number stays taken; its bytes are released."""
    await service.delete_version(session, actor, target.model, target.version, if_match)


@router.post(
    "/models/{model}/versions/{n}/recall",
    summary="Recall a version",
    response_model=VersionOutput,
    responses=responses(NotFound, NotAllowed, Conflict, InvalidRequest),
)
async def recall_version(
    wanted: RecallInput,
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.VERSIONS_RECALL))],
    actor: CurrentActor,
    session: Transaction,
) -> Response:
    """Mark a version as not to be used: it cannot be promoted, rolled back to or given an alias,
    and every answer that resolves to it says so. It keeps the stage that it holds."""
    version = await service.recall(session, actor, target.model, target.version, wanted.reason)
    return await _shown(session, actor, version)


@router.delete(
    "/models/{model}/versions/{n}/recall",
    summary="Lift a recall",
    response_model=VersionOutput,
    responses=responses(NotFound, NotAllowed, Conflict, StaleRevision),
)
async def lift_recall(
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.VERSIONS_RECALL))],
    actor: CurrentActor,
    session: Transaction,
    if_match: IfMatch = None,
) -> Response:
    """Let a recalled version be used again."""
    version = await service.lift_recall(session, actor, target.model, target.version, if_match)
    return await _shown(session, actor, version)
