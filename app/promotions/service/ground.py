"""What a promotion is judged on, whatever it is about: the policy, and the stages of its model."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Model
from app.policies import service as policies
from app.policies.rules import Policy, StageRule
from app.policies.service import InForce
from app.promotions.queries import PromotionView
from app.stages import service as stages
from app.stages.tables import Stage


@dataclass(frozen=True, slots=True)
class Ground:
    """The policy, the revision that a promotion stands under, what is flagged about it, and the
    stages by their names. None of it changes while one holds the model's lock."""

    policy: Policy
    revision: int
    flags: tuple[str, ...]
    stages: dict[str, Stage]

    def rule_for(self, name: str) -> StageRule | None:
        """How a stage that there is may be entered, if at all."""
        return self.policy.rule_for(name) if name in self.stages else None


async def ground_in(session: AsyncSession, model: Model) -> Ground:
    """The ground for a promotion that is asked for now."""
    return _ground(await policies.in_force(session, model), await stages_of(session, model))


async def ground_of(session: AsyncSession, case: PromotionView) -> Ground:
    """The ground for one that there is."""
    latest = await policies.in_force(session, case.model)
    in_force = await _stands_under(session, case, latest)
    return _ground(in_force, await stages_of(session, case.model))


async def stages_of(session: AsyncSession, model: Model) -> dict[str, Stage]:
    """The stages of a model by their names, in their order."""
    return {each.name: each for each in await stages.stages_of_model(session, model.id)}


def _ground(in_force: InForce, by_name: dict[str, Stage]) -> Ground:
    return Ground(in_force.policy, in_force.revision, in_force.flags, by_name)


async def _stands_under(session: AsyncSession, case: PromotionView, latest: InForce) -> InForce:
    """The policy that the promotion stands under: the latest, whose revision it moves on to only
    when the rule of its target stage means something else. A freeze holds, and is lifted, for all
    of them, and so is what is flagged about that."""
    under, to = case.promotion.policy_revision, case.promotion.to_stage
    if under == latest.revision:
        return latest
    then = await policies.in_force(session, case.model, at_revision=under)
    was, now = then.policy.rule_for(to), latest.policy.rule_for(to)
    if was is None or now is None or was.meaning != now.meaning:
        return latest
    flags = then.flags
    if then.policy.freeze != latest.policy.freeze:
        flags = tuple(dict.fromkeys((*latest.flags, *then.flags)))
    return InForce(latest.policy, under, flags)
