"""What many references mean, in one statement: rows of questions in, a row or more for each out."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    select,
)

from app.models.tables import Counter, Model
from app.stages.rules import RefKind, parse_ref
from app.stages.service import AskedColumns, meant
from app.versions.tables import Version

GIVEN = "asked"  # the parameter of every statement that is made here

asked = (
    func.json_to_recordset(bindparam(GIVEN, type_=JSON))
    .table_valued(
        column("place", Integer),
        column("model", Text),
        column("kind", Text),
        column("ref", Text),
        column("word", Text),
        column("number", Integer),
        column("known_id", Uuid),
        column("known_revision", BigInteger),
        name=GIVEN,
    )
    .render_derived(with_types=True)
)


def answers(*columns: Any) -> Select[Any]:
    """For each question its place, whether its model is there, and these columns of what
    it means: nulls where that is nothing, two rows where it is ambiguous."""
    of = asked.c
    means = meant(
        AskedColumns(of.kind, of.ref, of.word, of.number),
        model_id=Model.id,
        latest_ready=Counter.latest_ready,
    )
    return (
        select(of.place, Model.id.is_not(None), *columns)
        .select_from(asked)
        .outerjoin(Model, and_(Model.name == of.model, Model.deleted_at.is_(None)))
        .outerjoin(Counter, Counter.model_id == Model.id)
        .outerjoin(Version, and_(Version.id == func.any(means), Version.deleted_at.is_(None)))
    )


def question(
    place: int, model: str, text: str, known: tuple[UUID, int] | None = None
) -> dict[str, Any]:
    """A row of what `answers` takes; `known` is a version and the revision of it that the caller
    has, where a statement leaves out what is known already."""
    ref = parse_ref(text)
    row = {"place": place, "model": model, "kind": ref.kind.value, "ref": ref.value}
    row["word"] = ref.value.lower()
    if ref.kind is RefKind.NUMBER:
        row["number"] = ref.number
    if known is not None:
        row["known_id"], row["known_revision"] = str(known[0]), known[1]
    return row
