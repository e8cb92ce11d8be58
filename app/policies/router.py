"""The routes of policies."""

from typing import Annotated

from fastapi import Depends, Path, Response

from app.access.dependencies import Allowed, CurrentActor
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer
from app.core.problems import NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.models.dependencies import ModelToChange, ModelToRead, load_model
from app.models.tables import Model
from app.policies import service
from app.policies.schemas import (
    ModelPolicyOutput,
    PolicyInput,
    PolicyRevisionOutput,
    PreviewInput,
)
from app.promotions import service as promotions
from app.promotions.schemas import PreviewOutput
from app.stages.problems import StageInUse, StageNameTaken
from app.versions.dependencies import resolve
from app.versions.problems import AmbiguousReference

router = api_router("Policy")
Reader = Annotated[Actor, Depends(Allowed(Permission.POLICY_READ))]


@router.get("/policy", summary="The default policy", response_model=PolicyRevisionOutput)
async def get_policy(
    response: Response,
    session: Reading,
    _: Reader,
    if_none_match: IfNoneMatch = None,
) -> PolicyRevisionOutput | Response:
    """What every promotion must satisfy: for each stage, where a version may come from, who must
    approve, and which gates must pass. A version moves only from a stage that `from` names."""
    found, tag = await service.default(session)
    return answer(if_none_match, response, tag) or found


@router.put(
    "/policy",
    summary="Set the default policy",
    response_model=PolicyRevisionOutput,
    responses=responses(StageInUse, StageNameTaken, StaleRevision),
)
async def set_policy(
    wanted: PolicyInput,
    response: Response,
    session: Transaction,
    actor: Annotated[Actor, Depends(Allowed(Permission.POLICY_LOOSEN))],
    if_match: IfMatch = None,
) -> PolicyRevisionOutput:
    """A new revision for every model; it takes the place of the one before as a whole. Where it
    allows what was not allowed before, it is flagged `loosened` for ever, and so is its event.

    Open promotions whose stage now has another rule move to the new revision, and reviews that saw
    the old one turn `stale`. A stage that versions hold cannot be taken away, nor become exclusive
    under several of them."""
    await service.set_default(session, actor, wanted, if_match)
    shown, tag = await service.default(session)
    response.headers["ETag"] = tag
    return shown


@router.post(
    "/policy/preview",
    summary="Try a policy on a version",
    response_model=PreviewOutput,
    responses=responses(NotFound, AmbiguousReference),
)
async def preview_policy(
    wanted: PreviewInput,
    session: Reading,
    actor: Annotated[Actor, Depends(Allowed(Permission.POLICY_PREVIEW))],
) -> PreviewOutput:
    """What would become of this version if you asked for its promotion now, under the policy in
    force or under one that you give: every gate with its reason, who would have to approve, who
    would make room. Nothing is asked, set or recorded.

    A policy that names what is not there, or that makes no sense, is a 422 that points at what is
    wrong, as when it is set. Whether versions hold a stage that it takes away is seen only then."""
    model = await load_model(session, actor, wanted.model, Permission.VERSIONS_READ)
    found = await resolve(session, actor, model.name, str(wanted.version))
    return await promotions.preview(session, actor, model, found.version, wanted)


@router.get(
    "/models/{model}/policy",
    summary="The policy of a model",
    response_model=ModelPolicyOutput,
)
async def get_model_policy(
    response: Response,
    session: Reading,
    model: Annotated[Model, Depends(ModelToRead(Permission.POLICY_READ))],
    if_none_match: IfNoneMatch = None,
) -> ModelPolicyOutput | Response:
    """The policy that is in force for a model's promotions, and the revision it stands under."""
    found, tag = await service.of_model(session, model)
    return answer(if_none_match, response, tag) or found


@router.put(
    "/models/{model}/policy",
    summary="Add to the policy of a model",
    response_model=ModelPolicyOutput,
    responses=responses(NotFound, StageInUse, StageNameTaken, StaleRevision),
)
async def set_model_policy(
    wanted: PolicyInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    model: Annotated[Model, Depends(ModelToChange(Permission.POLICY_ADD))],
    if_match: IfMatch = None,
) -> ModelPolicyOutput:
    """What this model asks for beyond the default; it takes the place of what it added before.
    It cannot take away: gates and approvals of both hold, a version comes only from where both
    allow it, and the stricter of each limit counts. A stage that the default does not have is as
    it says here, and from there a version may also be archived.

    With `replaces_default` it stands instead of the default. That takes an admin, as does giving
    it up, and is flagged for ever. Open promotions follow as they do when the default changes."""
    await service.set_own(session, actor, model, wanted, if_match)
    shown, tag = await service.of_model(session, model)
    response.headers["ETag"] = tag
    return shown


@router.delete(
    "/models/{model}/policy",
    summary="Leave a model to the default policy",
    status_code=204,
    responses=responses(NotFound, StageInUse, StaleRevision),
)
async def remove_model_policy(
    session: Transaction,
    actor: CurrentActor,
    model: Annotated[Model, Depends(ModelToChange(Permission.POLICY_ADD))],
    if_match: IfMatch = None,
) -> None:
    """Takes away what the model added, as a revision of its own. A 404 where it added nothing."""
    await service.remove_own(session, actor, model, if_match)


@router.get(
    "/policies/{revision}",
    summary="One revision of a policy",
    response_model=PolicyRevisionOutput,
)
async def get_policy_revision(
    response: Response,
    session: Reading,
    actor: Reader,
    revision: Annotated[int, Path(ge=1, description="Its number.", examples=[1])],
    if_none_match: IfNoneMatch = None,
) -> PolicyRevisionOutput | Response:
    """A revision as it was set, whether or not it is still in force. Promotions and reviews name
    the revision that they were made under."""
    found, tag = await service.at(session, actor, revision)
    return answer(if_none_match, response, tag) or found
