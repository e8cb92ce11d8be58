"""Gathering what the gates of a stage are decided on: only what they need, in one statement for
each kind of fact, however many gates and reports there are."""

from collections.abc import Container

from sqlalchemy.ext.asyncio import AsyncSession

from app.policies.gates import parse_gate
from app.policies.rules import StageRule
from app.promotions.queries import PromotionView, evidence
from app.promotions.rules.gates import Candidate, Evidence, Holder, needs_of
from app.versions.rules import RECIPE_FIELDS, is_stored
from app.versions.tables import Version


async def gather(
    session: AsyncSession, case: PromotionView, rule: StageRule, stages: Container[str]
) -> Evidence:
    """The evidence for a promotion's gates. `stages` are those that the model has."""
    version = case.version
    gates = tuple(parse_gate(gate) for gate in rule.gates)
    needs = needs_of(gates, rule.name)
    holders = await _holders(session, case, needs.against, stages)
    compared = {holder.version_id for found in holders.values() for holder in found}
    return Evidence(
        candidate=_candidate(version),
        to_stage=rule.name,
        gates=gates,
        reports=await evidence.measurements_of(session, {version.id, *compared}, needs)
        if needs.metrics
        else (),
        checks=await evidence.checks_on(
            session, version.id, version.manifest_sha256 or "", needs.checks
        )
        if needs.checks
        else (),
        files=await evidence.paths_of(session, version.id) if needs.files else (),
        authors=await evidence.authors_of(session, version.id) if needs.authors else (),
        has_parents=needs.parents and await evidence.has_parents(session, version.id),
        holders=holders,
    )


def _candidate(version: Version) -> Candidate:
    fields = (*RECIPE_FIELDS, "description", "tags")
    return Candidate(
        version_id=version.id,
        number=version.number,
        recipe={name: getattr(version, name) for name in fields},
        files_count=version.files_count,
        is_stored=is_stored(version.status, version.files_count, version.source),
    )


async def _holders(
    session: AsyncSession, case: PromotionView, against: frozenset[str], stages: Container[str]
) -> dict[str, tuple[Holder, ...]]:
    """Who is behind each of these words. An alias that bears a stage's name means its holder, and
    a word that is no stage of the model leads nowhere."""
    if not against:
        return {}
    held = {each: stage for each in against if (stage := each.removeprefix("@").lower()) in stages}
    aliases = {each: each[1:] for each in against - held.keys() if each.startswith("@")}
    by_stage, by_alias = await evidence.holders_of(
        session, case.model.id, set(held.values()), aliases.values()
    )
    found = {each: by_stage.get(stage, ()) for each, stage in held.items()}
    for each, alias in aliases.items():
        found[each] = (by_alias[alias],) if alias in by_alias else ()
    return found
