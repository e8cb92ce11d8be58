"""The routes of policies."""

from typing import Annotated

from fastapi import Depends, Path, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfNoneMatch, answer, etag
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead
from app.models.tables import Model
from app.policies import service
from app.policies.schemas import ModelPolicyOutput, PolicyRevisionOutput

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
    found = await service.default(session)
    return answer(if_none_match, response, etag(found.revision)) or found


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
    found = await service.of_model(session, model)
    return answer(if_none_match, response, etag(found.revision)) or found


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
    found = await service.at(session, actor, revision)
    return answer(if_none_match, response, etag(found.revision)) or found
