"""Reading what documents are made of, and writing them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from app.cards import card, queries
from app.cards.facts import Facts
from app.cards.queries import Relative
from app.cards.schemas import ChangelogOutput, ChangeOutput, MetricChange, StageChange
from app.cards.sections import Note, notes
from app.cards.words import moment
from app.compare import service as compare
from app.compare.rules.directions import Direction
from app.compare.rules.results import evaluation_rows, metric_rows
from app.core.actor import Actor
from app.core.markdown import Markdown
from app.core.pages import bad_cursor, cut, decode_cursor, encode_cursor
from app.models.tables import Model
from app.stages.tables import Transition
from app.versions import service as versions
from app.versions.completeness import assess
from app.versions.rules import RECIPE_FIELDS
from app.versions.service import VersionView
from app.versions.tables import Version

LARGEST = 2**31 - 1
_FROM_ROW = ("number", "name", "description", "created_by", "ready_at", "recalled", "overridden")


async def card_of(session: AsyncSession, actor: Actor, model: Model, view: VersionView) -> Markdown:
    """A version's documentation. Of others it names only what this actor may see."""
    version = view.version
    relatives = await queries.relatives(session, version)
    against = _first(relatives, "holder", "parent", "before")
    sides = [*([against.version] if against else []), version]
    known = await compare.directions(session, model)
    promotions = await queries.promotions(session, version)
    reports = await compare.reported(session, [each.id for each in sides])
    found = Facts(
        model=model,
        version=versions.as_output(view, actor),
        notes=await _notes(session, model, version),
        predecessor=_first(relatives, "parent", "before"),
        against=against,
        metrics=list(metric_rows([each.metrics for each in sides], 0, known)),
        evaluations=list(evaluation_rows(reports, 0, known)),
        files=await queries.files(session, version.id),
        promotions=promotions,
        reviews=await queries.reviews(session, [each.id for each in promotions]),
        transitions=await queries.transitions(session, version.id),
        completeness=assess({name: getattr(version, name) for name in RECIPE_FIELDS}),
    )
    return card.write(found)


def _first(relatives: Iterable[Relative], *kinds: str) -> Relative | None:
    by_kind = {each.how: each for each in relatives}
    return next((by_kind[kind] for kind in kinds if kind in by_kind), None)


async def _notes(session: AsyncSession, model: Model, version: Version) -> dict[str, list[Note]]:
    found = await queries.sections(session, version.id)
    said = [(each.body, each.author, moment(each.edited_at or each.created_at)) for each in found]
    return notes(version.tags, model.tags, reversed(said))


async def changelog(
    session: AsyncSession, model: Model, *, since: int | None, cursor: str | None, limit: int
) -> ChangelogOutput:
    """A page of a model's changelog, in three statements."""
    found = await queries.ready_versions(session, model.id, _number_in(cursor), limit)
    page, more = cut(found, limit)
    shown = [each for each in page if each.number > (since or 0)]
    changes = await queries.transitions_of(session, [each.id for each in shown])
    known = await compare.directions(session, model)
    before = {new.id: old for new, old in pairwise(found)}
    goes_on = more and len(shown) == len(page) and found[-1].number > (since or 0)
    return ChangelogOutput(
        model=model.name,
        items=[_change(each, before.get(each.id), changes[each.id], known) for each in shown],
        next_cursor=encode_cursor(page[-1].number) if goes_on else None,
    )


def _number_in(cursor: str | None) -> int | None:
    key = decode_cursor(cursor, 1)
    if key is None:
        return None
    if not (key[0].isascii() and key[0].isdigit() and len(key[0]) <= 10):
        raise bad_cursor()
    return min(int(key[0]), LARGEST)


def _change(
    version: Version,
    before: Version | None,
    transitions: Sequence[Transition],
    known: dict[str, Direction],
) -> ChangeOutput:
    return ChangeOutput.model_validate(
        {
            **{name: getattr(version, name) for name in _FROM_ROW},
            "metrics": _metrics(version, before, known),
            "stages": [_stage(each) for each in transitions],
        }
    )


def _stage(found: Transition) -> StageChange:
    named = {name: getattr(found, name) for name in ("at", "kind", "actor", "reason")}
    return StageChange.model_validate({**named, "from": found.from_stage, "to": found.to_stage})


def _metrics(
    version: Version, before: Version | None, known: dict[str, Direction]
) -> list[MetricChange]:
    rows = metric_rows([before.metrics if before else {}, version.metrics], 0, known)
    return [
        MetricChange(
            metric=row["key"],
            value=row["values"][1],
            before=row["values"][0],
            difference=row["differences"][1],
            better=None if row["better"] is None else row["better"] == 1,
        )
        for row in rows
        if row["values"][1] is not None
    ]
