"""The routes of stages and aliases."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.core.etags import IfMatch, IfNoneMatch, answer, etag
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.core.schemas import Instant
from app.edge.routing import api_router
from app.models import service as models
from app.models.dependencies import ModelToChange, ModelToRead
from app.models.tables import Model
from app.policies import service as policies
from app.stages import service
from app.stages.problems import (
    AliasIsStage,
    CannotRollBack,
    IncumbentChanged,
    StageNotExclusive,
    VersionUnusable,
)
from app.stages.rules import MAX_NUMBER
from app.stages.schemas import (
    AliasChangeOutput,
    AliasInput,
    AliasOutput,
    RollbackInput,
    RollbackOutput,
    StageAtOutput,
    StagesOutput,
    TransitionOutput,
)

router = api_router("Stages")
ModelRead = Annotated[Model, Depends(ModelToRead(Permission.STAGES_READ))]
StagePath = Annotated[
    str, Path(max_length=64, description="The stage, in any case.", examples=["production"])
]
AliasPath = Annotated[
    str, Path(max_length=128, description="The alias, as written.", examples=["champion"])
]


At = Annotated[
    Instant | None,
    Query(
        description="An instant that has passed, RFC 3339 with its offset (write `+` as `%2B`, or "
        "use `Z`). Without it: now.",
        examples=["2026-11-23T09:30:00Z"],
    ),
]


@router.get("/models/{model}/stages", summary="Who holds what", response_model=StagesOutput)
async def list_stages(
    response: Response,
    session: Reading,
    model: ModelRead,
    if_none_match: IfNoneMatch = None,
) -> StagesOutput | Response:
    """Every stage of the model with the versions that hold it now. A version that is listed
    nowhere is in `none`."""
    counter = await models.read_counter(session, model)
    return answer(if_none_match, response, etag(counter.revision)) or await service.overview(
        session, model
    )


@router.get(
    "/models/{model}/stages/{stage}",
    summary="Who holds a stage, or held it then",
    response_model=StageAtOutput,
    responses=responses(NotFound),
)
async def get_stage(
    response: Response,
    session: Reading,
    model: ModelRead,
    stage: StagePath,
    at: At = None,
    if_none_match: IfNoneMatch = None,
) -> StageAtOutput | Response:
    """What is in production, and what was at any instant: the version, since when and until when,
    and the promotion or rollback that brought it there."""
    counter = await models.read_counter(session, model)
    if at is None and (unchanged := answer(if_none_match, response, etag(counter.revision))):
        return unchanged
    return await service.stage_at(session, model, stage, at)


@router.get(
    "/models/{model}/transitions",
    summary="How stages changed",
    response_model=Page[TransitionOutput],
)
async def list_transitions(
    request: Request,
    response: Response,
    session: Reading,
    model: ModelRead,
    stage: Annotated[
        str | None, Query(max_length=64, description="Only into or out of this stage.")
    ] = None,
    version: Annotated[
        int | None, Query(ge=1, le=MAX_NUMBER, description="Only of the version of this number.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TransitionOutput]:
    """Every change of a stage, newest first: which version, from where to where, who, when, why,
    and by which promotion or rollback."""
    page = await service.transitions(
        session, model, stage=stage, version=version, cursor=cursor, limit=limit
    )
    link_next(request, response, page.next_cursor)
    return page


@router.post(
    "/models/{model}/rollback",
    summary="Return a stage to an earlier holder",
    response_model=RollbackOutput,
    responses=responses(NotFound, CannotRollBack, IncumbentChanged, StageNotExclusive),
)
async def roll_back(
    wanted: RollbackInput,
    session: Transaction,
    actor: CurrentActor,
    model: Annotated[Model, Depends(ModelToChange(Permission.STAGES_ROLL_BACK))],
) -> RollbackOutput:
    """At once, without an approval and also under a freeze: the latest earlier holder that was not
    itself rolled back, or `to`, returns, and the version that is rolled back goes to `archived`.

    Takes a maintainer. Of two rollbacks that are under way at once only one is made; send
    `expected_incumbent` to also be safe from one that was made a moment ago."""
    return await service.roll_back(session, actor, model, wanted)


@router.get(
    "/models/{model}/aliases",
    summary="The aliases of a model",
    response_model=Page[AliasOutput],
)
async def list_aliases(
    request: Request,
    response: Response,
    session: Reading,
    model: ModelRead,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AliasOutput]:
    """By name. The names of stages are not listed, though `@production` can be read like one."""
    page = await service.aliases(session, model, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/models/{model}/aliases/{alias}",
    summary="What an alias points at",
    response_model=AliasOutput,
    responses=responses(NotFound),
)
async def get_alias(
    response: Response,
    session: Reading,
    model: ModelRead,
    alias: AliasPath,
    if_none_match: IfNoneMatch = None,
) -> AliasOutput | Response:
    """The version that the alias points at. One that bears a stage's name means the holder of that
    stage; a 404 where nobody holds it, or several do."""
    found, revision = await service.alias(session, model, alias)
    return answer(if_none_match, response, etag(*revision)) or found


@router.put(
    "/models/{model}/aliases/{alias}",
    summary="Point an alias at a version",
    response_model=AliasOutput,
    responses=responses(NotFound, AliasIsStage, VersionUnusable, StaleRevision),
)
async def set_alias(
    wanted: AliasInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    model: Annotated[Model, Depends(ModelToChange(Permission.ALIASES_SET))],
    alias: AliasPath,
    if_match: IfMatch = None,
) -> AliasOutput:
    """Make the alias, or point it elsewhere; its history is kept. Only a ready version that was
    not recalled can have one. The policy's `protected_aliases` take a maintainer."""
    protected = await _protected(session, model)
    found = await service.point(
        session, actor, model, alias, wanted.version, protected=protected, if_match=if_match
    )
    response.headers["ETag"] = etag(found.alias.revision)
    return service.shown_alias(model, found)


@router.delete(
    "/models/{model}/aliases/{alias}",
    summary="Remove an alias",
    status_code=204,
    responses=responses(NotFound, AliasIsStage, StaleRevision),
)
async def remove_alias(
    session: Transaction,
    actor: CurrentActor,
    model: Annotated[Model, Depends(ModelToChange(Permission.ALIASES_SET))],
    alias: AliasPath,
    if_match: IfMatch = None,
) -> None:
    """The version stays as it is, and so does the alias's history."""
    protected = await _protected(session, model)
    await service.remove(session, actor, model, alias, protected=protected, if_match=if_match)


async def _protected(session: Transaction, model: Model) -> frozenset[str]:
    """The aliases that the policy protects. The model is held first: the policy stays as it is."""
    await models.lock(session, model)
    return (await policies.in_force(session, model)).policy.protected_aliases


@router.get(
    "/models/{model}/aliases/{alias}/history",
    summary="What an alias pointed at",
    response_model=Page[AliasChangeOutput],
)
async def list_alias_changes(
    request: Request,
    response: Response,
    session: Reading,
    model: ModelRead,
    alias: AliasPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AliasChangeOutput]:
    """Every change of the alias, newest first; also where it was removed since. An alias that
    never was has an empty history."""
    page = await service.alias_history(session, model, alias, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page
