"""What a policy must be before it is set: everything it names is there, and every stage can be
reached. Each finding points at its place in the body."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.problems import InvalidRequest
from app.policies import queries
from app.policies.rules import Incumbent, Policy, StageRule, unreachable
from app.policies.schemas import PolicyInput
from app.stages.rules import ARCHIVED, NO_STAGE

Errors = list[dict[str, str]]


async def as_body(session: AsyncSession, wanted: PolicyInput) -> dict[str, Any]:
    """The body to keep, with groups and identities as they are written where they were made; a
    422 where one of them is not there."""
    body = wanted.as_body()
    places = list(_people(body))
    known = {
        "groups": await queries.groups_named(session, _names(places, "groups")),
        "identities": await queries.identities_named(session, _names(places, "identities")),
    }
    errors: Errors = []
    for pointer, holder, kind in places:
        for index, name in enumerate(holder[kind]):
            if name.lower() in known[kind]:
                holder[kind][index] = known[kind][name.lower()]
            else:
                one = "group" if kind == "groups" else "identity"
                at = f"{pointer}/{kind}/{index}"
                errors.append({"pointer": at, "detail": f"There is no {one} `{name}`."})
    refuse(errors)
    return body


def _people(body: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Every list of groups or identities in a body: where it stands, what holds it, which it is."""
    found = []
    for i, stage in enumerate(body.get("stages", ())):
        holders = [
            (f"/stages/{i}/approvals/{j}", rule)
            for j, rule in enumerate(stage.get("approvals", ()))
        ]
        holders += [
            (f"/stages/{i}/gates/{j}/reported_by", gate["reported_by"])
            for j, gate in enumerate(stage.get("gates", ()))
            if gate.get("reported_by")
        ]
        found += [
            (pointer, holder, kind)
            for pointer, holder in holders
            for kind in ("groups", "identities")
            if holder.get(kind)
        ]
    return found


def _names(places: list[tuple[str, dict[str, Any], str]], kind: str) -> list[str]:
    return [name for _, holder, which in places if which == kind for name in holder[kind]]


def check_whole(wanted: PolicyInput, whole: Policy, before: Policy | None) -> None:
    """Refuse a policy that, as a whole, makes no sense. `before` is what a model's policy adds to;
    none where it stands alone."""
    places = {stage.name: f"/stages/{i}" for i, stage in enumerate(wanted.stages)}
    if before is None and not places:
        refuse([{"pointer": "/stages", "detail": "It names no stage: nothing could ever move."}])
    known = {rule.name: rule for rule in whole.stages}
    protected = {alias.lower() for alias in whole.protected_aliases}
    errors: Errors = []
    for stage in wanted.stages:
        place, rule = places[stage.name], known[stage.name]
        errors += _ways(place, stage.name, stage.from_ or [], known, before)
        if stage.name in protected:
            errors.append(
                {
                    "pointer": f"{place}/name",
                    "detail": f"`{stage.name}` is a protected alias: as a stage, `@{stage.name}` "
                    "would mean whoever is promoted there. Choose another name.",
                }
            )
        if rule.incumbent is not Incumbent.KEEP and not rule.exclusive:
            detail = (
                "Only an exclusive stage has a holder to archive or to respect: set `exclusive`."
            )
            errors.append({"pointer": f"{place}/incumbent", "detail": detail})
        errors += _baselines(place, stage.gates, rule, known)
    refuse(errors)
    reached = set() if before is None else set(unreachable(before))
    for name in unreachable(whole):
        if name not in reached and (name != ARCHIVED or name in places):
            errors.append(_lost(name, places, known[name]))
    refuse(errors)


def _ways(
    place: str,
    stage: str,
    ways: list[str],
    known: dict[str, StageRule],
    before: Policy | None,
) -> Errors:
    """Ways from stages that are not there, and ways that a model opens out of an exclusive stage
    of the default: emptying it is for the default to allow."""
    errors: Errors = []
    for index, name in enumerate(ways):
        pointer = f"{place}/from/{index}"
        if name not in known and name not in (NO_STAGE, ARCHIVED):
            errors.append(_unknown(pointer, name, known))
        rule = before.rule_for(name) if before else None
        if before and rule and rule.exclusive and before.rule_for(stage) is None:
            detail = f"`{name}` is an exclusive stage of the default, which has no such way out "
            errors.append({"pointer": pointer, "detail": detail + "of it: ask an admin."})
    return errors


def _unknown(pointer: str, name: str, known: dict[str, StageRule]) -> dict[str, str]:
    listed = ", ".join([NO_STAGE, *known])
    return {"pointer": pointer, "detail": f"There is no stage `{name}`. There are: {listed}."}


def _lost(name: str, places: dict[str, str], rule: StageRule) -> dict[str, str]:
    ways = ", ".join(f"`{each}`" for each in rule.from_stages) or "nowhere"
    where = f"{places[name]}/from" if name in places else "/stages"
    return {
        "pointer": where,
        "detail": f"No version could ever reach `{name}`: it is entered from {ways}, and no way "
        "leads there from `none`. Of a stage that the default has, only the ways that both allow "
        "are left.",
    }


def _baselines(
    place: str, gates: list[Any], rule: StageRule, known: dict[str, StageRule]
) -> Errors:
    """Gates that compare with what several versions may hold, or with nothing."""
    errors: Errors = []
    for index, gate in enumerate(gates):
        against = (gate.against or rule.name) if gate.type == "baseline" else "@"
        if against.startswith("@"):
            continue
        pointer = f"{place}/gates/{index}/against"
        if against not in known:
            errors.append(_unknown(pointer, against, known))
        elif not known[against].exclusive:
            detail = f"Several versions may hold `{against}`, so there is no one baseline. Name an "
            errors.append(
                {"pointer": pointer, "detail": detail + "exclusive stage, or `@` and an alias."}
            )
    return errors


def refuse(errors: Errors) -> None:
    """A 422 where something was found."""
    if errors:
        raise InvalidRequest(f"The policy cannot be set: {errors[0]['detail']}", errors=errors)
