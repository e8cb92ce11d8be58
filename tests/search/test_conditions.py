"""Filters and orders say in PostgreSQL what they say in plain Python, of random versions."""

from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from app.core.runtime import Runtime
from app.models.tables import Model
from app.search.conditions import condition
from app.search.fields import VERSIONS
from app.search.keyset import ID, INTEGER, TEXT, Key, Keyset
from app.search.orders import sort_keys
from app.search.parser import parse, parse_order
from app.search.syntax import And, Comparison, Expression, Field, In, Kind, Not, Order
from app.versions.tables import Version
from tests.search import naive
from tests.search.expressions import FIELDS, expressions, field_of, named, orders, written
from tests.search.naive import Row

often = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
Sql = psycopg.AsyncConnection[Any]


def evaluated(*trees: Expression) -> Any:
    """What each of these is for every version."""
    said = [condition(tree).label(f"said_{at}") for at, tree in enumerate(trees)]
    return select(Model.name, Version.number, *said).join(Model, Model.id == Version.model_id)


@often
@given(trees=st.lists(expressions, min_size=5, max_size=5))
async def test_a_filter_says_in_postgresql_what_it_says_in_python(
    rows: list[Row], runtime: Runtime, trees: list[Expression]
) -> None:
    texts = [written(tree) for tree in trees]
    read = [parse(text, VERSIONS) for text in texts]
    assert read == trees
    known = {(row["model"], row["number"]): row for row in rows}
    async with runtime.db.reading() as session:
        for model, number, *said in await session.execute(evaluated(*trees)):
            row = known[model, number]
            assert said == [naive.holds(tree, row) for tree in trees], (texts, row)


async def test_every_field_is_true_false_and_unknown_of_some_version(rows: list[Row]) -> None:
    """Else the comparison above would prove nothing of it."""
    never_absent = {"model", "number", "description", "status", "stage", "recalled"}
    never_absent |= {"size", "files_count", "created_by", "created_at", "author"}
    for text in FIELDS:
        present = {not naive.holds(parse(f"{text} is null", VERSIONS), row) for row in rows}  # type: ignore[arg-type]
        if text.endswith(".none") or text == "params.list.0":
            assert present == {False}
        else:
            assert present == ({True} if text in never_absent else {True, False}), text


@often
@given(asked=orders)
async def test_pages_in_any_order_are_those_of_a_sorted_list(
    rows: list[Row], runtime: Runtime, asked: list[Order]
) -> None:
    text = ", ".join(f"{named(o.field)} {'DESC' if o.descending else 'asc'}" for o in asked)
    assert parse_order(text, VERSIONS) == tuple(asked)
    ending = [Key(Model.name, TEXT), Key(Version.number, INTEGER)]
    keys = Keyset([*sort_keys(asked), *ending], bound_to=[text])
    statement = select(*keys.columns).select_from(Version).join(Model, Model.id == Version.model_id)
    found: list[Any] = []
    async with runtime.db.reading() as session:
        page = (await session.execute(statement.order_by(*keys.order_by).limit(7))).all()
        while page:
            found += page
            after = keys.after(keys.read(keys.cursor(page[-1])))
            following = statement.where(after).order_by(*keys.order_by).limit(7)
            page = (await session.execute(following)).all()
    expected = [(row["model"], row["number"]) for row in naive.ordered(rows, asked)]
    assert [tuple(row[-2:]) for row in found] == expected


MARK = "zq7"
marked = st.text(max_size=20).map(
    lambda text: MARK + "".join(c for c in text if c != "\0" and not "\ud800" <= c <= "\udfff")
)
HOSTILE = st.one_of(
    marked,
    st.sampled_from([f"{MARK}'; drop table versions; --", f"{MARK}%s %(x)s :x", f"{MARK}\\'\"$1"]),
)


@often
@given(key=HOSTILE, value=HOSTILE, other=HOSTILE)
async def test_nothing_of_a_filter_reaches_the_text_of_a_statement(
    runtime: Runtime, key: str, value: str, other: str
) -> None:
    fields = [
        Field("tags", (key,), Kind.TEXT),
        Field("params", (key, other), Kind.OPEN),
        Field("environment", ("packages", key), Kind.TEXT),
        Field("datasets", ("name",), Kind.TEXT, many=True),
        Field("alias", (), Kind.TEXT, many=True),
    ]
    tree = And(
        (
            *(Comparison(field, "=", value) for field in fields),
            *(Not(In(field, (value, other))) for field in fields),
            *(Comparison(field, "like", other.replace("\\", "") + "%") for field in fields),
        )
    )
    statement = evaluated(tree).order_by(
        *(key.order_by for key in sort_keys([Order(fields[0]), Order(fields[1], True)]))
    )
    compiled = str(statement.compile(dialect=create_engine("postgresql+psycopg://").dialect))
    assert MARK not in compiled
    async with runtime.db.reading() as session:
        await session.execute(statement)


ODD = {
    "metrics": ['{"auc": 1e400}', '{"auc": "high"}', '{"auc": null}', "[1]", '"auc"', "7"],
    "params": ['{"lr": 1e-400}', '{"a": [1, {"b": 2}]}', '["lr"]', '"lr"', "null", '{"lr": {}}'],
    "tags": ['{"team": 7}', '["team"]', "true"],
    "code": ['"commit"', '{"commit": 7, "dirty": "yes"}', "[]"],
    "datasets": ["{}", '"x"', "[1, null, [], {}]", '[{"name": 7, "rows": "x", "sha256": 1}]', "7"],
    "preprocessing": ["null", '[{"name": {}}]'],
    "environment": ['{"packages": "numpy", "hardware": [1]}', "[]"],
    "run": ['{"id": false}', "3"],
}


async def test_no_filter_or_order_fails_on_what_somebody_else_wrote(
    rows: list[Row], sql: Sql, runtime: Runtime
) -> None:
    """By psql or an older server: JSON that the API would refuse is of another type, no error."""
    await sql.execute("set session_replication_role = replica")
    for column, texts in ODD.items():
        for number, odd in enumerate(texts, 1):
            await sql.execute(
                f"update versions set {column} = %s::jsonb where number = %s",  # type: ignore[arg-type]
                [odd, number],
            )
    fields = [field for field in map(field_of, FIELDS) if field.root in ODD]
    trees = [parse(text, VERSIONS) for field in fields for text in asked_of(field)]
    keys = sort_keys([Order(field, descending=True) for field in fields if not field.many])
    async with runtime.db.reading() as session:
        for tree in trees:
            assert tree is not None
            assert len((await session.execute(evaluated(tree))).all()) == len(rows)
        for key in keys:
            ordered = select(key.expression).select_from(Version).order_by(key.order_by)
            assert len((await session.execute(ordered)).all()) == len(rows)


def asked_of(field: Field) -> list[str]:
    """A filter of each type that the field may be compared as."""
    texts = [f"{named(field)} is null"]
    if field.kind in {Kind.TEXT, Kind.OPEN}:
        texts += [f"{named(field)} < 'x'", f"{named(field)} in ('a', 'b')"]
    if field.kind in {Kind.NUMBER, Kind.OPEN}:
        texts += [f"{named(field)} > 0.5", f"{named(field)} in (1, 2.5, 1e308)"]
    if field.kind in {Kind.BOOLEAN, Kind.OPEN}:
        texts += [f"{named(field)} = true"]
    return texts


async def test_numbers_are_compared_exactly_whatever_their_size(
    rows: list[Row], sql: Sql, runtime: Runtime
) -> None:
    await sql.execute("set session_replication_role = replica")
    await sql.execute("""update versions set metrics = '{"auc": 1e400}', seed = 9007199254740993""")

    async def said(*texts: str) -> list[Any]:
        trees = [parse(text, VERSIONS) for text in texts]
        async with runtime.db.reading() as session:
            found = (await session.execute(evaluated(*filter(None, trees)))).first()
        assert found is not None
        return list(found[2:])

    assert await said("metrics.auc > 1e308", "metrics.auc < 0") == [True, False]
    assert await said("seed > 9007199254740991", "seed < 1e300", "seed > -1e300") == [True] * 3
    assert await said("number = 1.5", "number in (1.5, 99999999999999999999)") == [False, False]


async def test_an_id_ends_an_order_as_well(rows: list[Row], runtime: Runtime) -> None:
    keys = Keyset([*sort_keys(parse_order("seed", VERSIONS)), Key(Version.id, ID)], bound_to=[])
    async with runtime.db.reading() as session:
        rows_ = (await session.execute(select(*keys.columns).order_by(*keys.order_by))).all()
        middle = keys.read(keys.cursor(rows_[5]))
        assert isinstance(middle[-1], UUID)
        after = select(Version.id).where(keys.after(middle)).order_by(*keys.order_by)
        assert (await session.execute(after)).scalars().all() == [row[-1] for row in rows_[6:]]
