"""What is in production? Asked all day by every serving host, and answered together."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import Text, and_, case, cast, func, null

from app.core.db import Database, as_text
from app.core.shared import Together
from app.versions import references, shown
from app.versions.kept import Kept
from app.versions.references import asked
from app.versions.rendering import Rendered, rendered
from app.versions.shown import Shown
from app.versions.tables import Version

MOST_AT_ONCE = 200
MEANINGS_KEPT = 20_000

Question = tuple[str, str]  # model, reference
_is_known = and_(Version.id == asked.c.known_id, Version.revision == asked.c.known_revision)
_rest = cast(func.json_build_array(*shown.COLUMNS[1:]), Text)
STATEMENT = as_text(
    references.answers(
        Version.id, case((Version.id.is_(None), null()), (_is_known, null()), else_=_rest)
    ),
    references.GIVEN,
)


class Resolver:
    """Tells what references mean: those that are asked for at the same time in one statement, which
    begins after they were asked.

    What was written of a version is kept, and said again only where that very statement finds the
    version at the same revision: everything that an answer shows counts the revision up."""

    def __init__(self, db: Database, kept: Kept) -> None:
        """One a process. `kept` is where it keeps what was written."""
        self._direct = db.direct
        self._kept = kept
        self._meant: OrderedDict[Question, UUID] = OrderedDict()
        self._together: Together[Question, Sequence[Rendered]] = Together(
            self._answer, most=MOST_AT_ONCE
        )

    async def __call__(self, model: str, ref: str) -> Sequence[Rendered]:
        """What a reference means in a model of this name: nothing where it or the model is not
        there, two where it is ambiguous. Rights are the caller's to check."""
        return await self._together((model, ref))

    async def _answer(self, questions: list[Question]) -> list[Sequence[Rendered]]:
        known = [self._known(each) for each in questions]
        asking = [
            references.question(place, *each, (has.id, has.revision) if has else None)
            for place, (each, has) in enumerate(zip(questions, known, strict=True))
        ]
        rows = await self._direct.fetch(STATEMENT, {references.GIVEN: to_json(asking).decode()})
        found: list[list[Rendered]] = [[] for _ in questions]
        for place, _, version_id, rest in rows:
            if version_id is not None:
                has = known[place] if rest is None else None
                found[place].append(has or self._keep(version_id, rest))
        for question, meant in zip(questions, found, strict=True):
            if len(meant) == 1:
                self._remember(question, meant[0].id)
        return list(found)

    def _known(self, question: Question) -> Rendered | None:
        version_id = self._meant.get(question)
        return None if version_id is None else self._kept.get(version_id)

    def _keep(self, version_id: UUID, rest: str) -> Rendered:
        fresh = rendered(Shown(version_id, *from_json(rest)))
        self._kept.put(fresh)
        return fresh

    def _remember(self, question: Question, version_id: UUID) -> None:
        self._meant[question] = version_id
        self._meant.move_to_end(question)
        if len(self._meant) > MEANINGS_KEPT:
            self._meant.popitem(last=False)
