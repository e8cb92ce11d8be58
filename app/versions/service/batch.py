"""Many versions at once: what references mean, and versions by their numbers."""

from typing import Any, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.problems import InvalidRequest, Problem
from app.models.service import absent
from app.stages.rules import NO_STAGE
from app.stages.service import stage_of
from app.versions import references, shown
from app.versions.rendering import Rendered, rendered
from app.versions.rules import only
from app.versions.schemas import ReferenceInput, ResolvedOutput
from app.versions.shown import Shown
from app.versions.tables import Version

MOST_IDS = 200
_MEANT = references.answers(
    Version.number,
    stage_of(Version.id),
    Version.manifest_sha256,
    Version.recalled.is_not(None),
)
_SHOWN = references.answers(*shown.COLUMNS)


async def resolve_many(
    session: AsyncSession, actor: Actor, refs: list[ReferenceInput]
) -> list[ResolvedOutput | Problem]:
    """What each reference means, in their order and in one statement; the problem with it, where
    a single request would have one."""
    asked = list(dict.fromkeys((ref.model, ref.ref) for ref in refs))
    found = await _found(session, _MEANT, [each for each in asked if _sees(actor, each[0])])
    told = {each: _resolved(each, found.get(each, [])) for each in asked}
    return [told[ref.model, ref.ref] for ref in refs]


def _sees(actor: Actor, model: str) -> bool:
    return actor.role_on(model) is not None


def _resolved(asked: tuple[str, str], rows: list[tuple[Any, ...]]) -> ResolvedOutput | Problem:
    """`rows` are none where the model is hidden, and one of nulls where there is no version."""
    model, ref = asked
    if not rows or not rows[0][1]:
        return absent(model)
    try:
        row = only([row for row in rows if row[2] is not None], model, ref)
    except Problem as problem:
        return problem
    number, stage, manifest, is_recalled = row[2:]
    return ResolvedOutput(
        model=model,
        ref=ref,
        number=number,
        stage=stage or NO_STAGE,
        manifest_sha256=manifest,
        recalled=is_recalled,
    )


async def of_ids(session: AsyncSession, actor: Actor, text: str) -> list[Rendered]:
    """The versions that a list like `churn/3,fraud/7` names, in its order and in one statement;
    without those that are not there or hidden."""
    asked = [each for each in _ids(text) if _sees(actor, each[0])]
    found = await _found(session, _SHOWN, asked)
    rows = [row for each in asked for row in found.get(each, [])]
    return [rendered(Shown(*row[2:])) for row in rows if row[2] is not None]


async def _found(
    session: AsyncSession, statement: Any, asked: list[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The rows of `references.answers` for each of these (model, reference)."""
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    if asked:
        questions = [references.question(place, *each) for place, each in enumerate(asked)]
        for row in await session.execute(statement, {references.GIVEN: questions}):
            found.setdefault(asked[row[0]], []).append(tuple(row))
    return found


def _ids(text: str) -> list[tuple[str, str]]:
    """(model, number) of each, the same one once."""
    found = list(dict.fromkeys(map(_id, text.split(","))))
    if len(found) > MOST_IDS:
        _refuse(f"Names {len(found)} versions. Name {MOST_IDS} at most, the rest in a second call.")
    return found


def _id(text: str) -> tuple[str, str]:
    model, slash, number = text.partition("/")
    if not (model and slash and number.isascii() and number.isdigit()) or "\0" in model:
        _refuse(
            f"`{text[:200]}` is not a model's name, a slash and a number. Write `churn/3,fraud/7`."
        )
    return model, number


def _refuse(detail: str) -> NoReturn:
    raise InvalidRequest(f"ids: {detail}", errors=[{"pointer": "ids", "detail": detail}])
