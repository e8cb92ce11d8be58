"""Reading filters and orders: what they may say, and where a wrong one is wrong."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.problems import InvalidRequest
from app.search.fields import MODELS, VERSIONS
from app.search.parser import (
    MAX_DEPTH,
    MAX_KEYS,
    MAX_LENGTH,
    MAX_TERMS,
    MAX_VALUES,
    parse,
    parse_order,
)
from app.search.syntax import Absent, And, Comparison, Field, In, Kind, Not, Or

STAGE = Field("stage", (), Kind.WORD)
NAME = Field("name")


def wrong(text: str) -> tuple[int, str]:
    """The column at which a filter is wrong, and what is said of it."""
    with pytest.raises(InvalidRequest) as caught:
        parse(text, VERSIONS)
    return _told(caught.value, "filter")


def wrong_order(text: str) -> tuple[int, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_order(text, VERSIONS)
    return _told(caught.value, "order_by")


def _told(problem: InvalidRequest, pointer: str) -> tuple[int, str]:
    assert problem.errors is not None
    (error,) = problem.errors
    assert error["pointer"] == pointer
    column, _, what = error["detail"].removeprefix("Column ").partition(": ")
    assert f"at column {column}: {what}" in problem.detail
    return int(column), what


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("stage = 'Production'", Comparison(STAGE, "=", "production")),
        ("NAME <> 'it''s'", Comparison(NAME, "!=", "it's")),
        ("name not like 'a%'", Not(Comparison(NAME, "like", "a%"))),
        ("name Not In ('a','b')", Not(In(NAME, ("a", "b")))),
        ("name IS NOT NULL", Not(Absent(NAME))),
        ("  name\n=\t'日本'  ", Comparison(NAME, "=", "日本")),
        (
            "name='and'and name='or'",
            And((Comparison(NAME, "=", "and"), Comparison(NAME, "=", "or"))),
        ),
        (
            "name='a' or name='b' and not name='c'",
            Or(
                (
                    Comparison(NAME, "=", "a"),
                    And((Comparison(NAME, "=", "b"), Not(Comparison(NAME, "=", "c")))),
                )
            ),
        ),
        (
            "(name='a' or name='b') and (name='c' and name='d')",
            And(
                (
                    Or((Comparison(NAME, "=", "a"), Comparison(NAME, "=", "b"))),
                    Comparison(NAME, "=", "c"),
                    Comparison(NAME, "=", "d"),
                )
            ),
        ),
        ("params.a.b = 1", Comparison(Field("params", ("a", "b"), Kind.OPEN), "=", 1)),
        (
            "params.`a.b``c` = -.5e-3",
            Comparison(Field("params", ("a.b`c",), Kind.OPEN, exact=True), "=", -0.0005),
        ),
        ("tags.a.b = 'x'", Comparison(Field("tags", ("a.b",)), "=", "x")),
        (
            "aliases in ('x')",
            In(Field("alias", (), Kind.TEXT, many=True), ("x",)),
        ),
        ("", None),
        ("  \n ", None),
    ],
)
def test_a_filter_is_read_as_it_is_meant(text: str, tree: object) -> None:
    assert parse(text, VERSIONS) == tree


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("auc > 1", 1, "did you mean `metrics.auc`?"),
        ("name = 'a' and metric.auc > 1", 16, "did you mean `metrics.auc`?"),
        ("statsu = 'ready'", 1, "did you mean `status`? The fields of a version are alias, author"),
        ("code = 'x'", 1, "`code` has parts: code.branch, code.commit"),
        ("metrics > 1", 1, "`metrics.<key>`"),
        ("stage.x = 'y'", 1, "has no parts"),
        ("metrics.auc > 'x'", 15, "`metrics.auc` is a number"),
        ("number > 'x'", 10, "`number` is a number"),
        ("seed = 1e999", 8, "too large"),
        ("created_at > 'yesterday'", 14, "RFC 3339"),
        ("created_at > '2026-02-30'", 14, "that a calendar has"),
        ("created_at > '0001-01-01T00:00:00+01:00'", 14, "that a calendar has"),
        ("created_at > 2026", 14, "a time: write it in single quotes"),
        ("datasets.sha256 = 'ABC'", 19, "64 lower-case hex"),
        (f"manifest_sha256 in ('{'a' * 64}', 'x')", 89, "64 lower-case hex"),
        ("status = 'redy'", 10, "one of 'draft', 'verifying', 'ready'"),
        ("code.dirty = 'yes'", 14, "true or false"),
        ("recalled > true", 10, "takes `=`, `!=` and `in` here, not `>`"),
        ("params.flag < true", 13, "takes `=`, `!=`"),
        ("number like '1%'", 8, "not `like`"),
        ("name like 'a\\'", 11, "ends in its escape"),
        ("name = 'a", 8, "a text that no quote closes"),
        ('name = "a"', 8, "texts stand in single quotes"),
        ("name = production", 8, "a text stands in single quotes"),
        ("name == 'a'", 7, "found `=`"),
        ("name = ", 7, "it ends where there should be a text in single quotes"),
        ("name = 'a' and", 15, "it ends where there should be a field"),
        ("(name = 'a'", 12, "there should be `)`, `and`, `or`"),
        ("name = 'a')", 11, "found `)`"),
        ("name = 'a' name", 12, "there may be the end, `and`, `or`"),
        ("name 'a'", 6, "there may be `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `is`, `like`, `not`"),
        ("name in ()", 10, "found `)`"),
        ("name in ('a' 'b')", 14, "there may be `)`, `,`"),
        ("日本 = 1", 1, "found `日`"),
        ("name = '日本' nor", 13, "found `nor`"),
        ("name = 'a\0'", 10, "a character that no text here can hold"),
        ("seed = 1.2.3", 8, "found `1`"),
        ("name = 'a'; drop table versions", 11, "found `;`"),
    ],
)
def test_a_wrong_filter_is_told_by_its_column(text: str, column: int, said: str) -> None:
    at, what = wrong(text)
    assert said in what
    assert at == column


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("alias", 1, "a list, which has no order"),
        ("seed, datasets.name desc", 7, "a list, which has no order"),
        ("seed desc, SEED", 12, "named twice"),
        ("seed up", 6, "there may be `,`, the end, `asc`, `desc`"),
        ("seed,", 6, "there should be a field"),
        ("tags.a, tags.b, tags.c, tags.d, tags.e", 33, f"more than {MAX_KEYS} keys"),
        ("auc", 1, "did you mean `metrics.auc`?"),
    ],
)
def test_a_wrong_order_is_told_by_its_column(text: str, column: int, said: str) -> None:
    at, what = wrong_order(text)
    assert said in what
    assert at == column


def test_bounds_are_told_and_what_keeps_them_is_read() -> None:
    term = "seed=1"
    assert parse(" or ".join([term] * MAX_TERMS), VERSIONS)
    assert "more than 100 comparisons" in wrong(" or ".join([term] * (MAX_TERMS + 1)))[1]
    assert parse("(" * MAX_DEPTH + term + ")" * MAX_DEPTH, VERSIONS)
    assert parse("not " * MAX_DEPTH + term, VERSIONS)
    half = MAX_DEPTH // 2
    assert parse("not (" * half + term + ")" * half, VERSIONS)
    assert wrong("(" * (MAX_DEPTH + 1) + term)[0] == MAX_DEPTH + 1
    assert "deeper than 20" in wrong("not " * (MAX_DEPTH + 1) + term)[1]
    assert "deeper than 20" in wrong("not (" * (half + 1) + term + ")" * (half + 1))[1]
    in_turn = "not (" + term + ") and "  # one after the other is not one in the other
    assert parse(in_turn * (MAX_DEPTH + 1) + term, VERSIONS)
    assert parse(f"seed in ({', '.join(['1'] * MAX_VALUES)})", VERSIONS)
    assert "more than 200 values" in wrong(f"seed in ({','.join(['1'] * (MAX_VALUES + 1))})")[1]
    longest = "name = '" + "a" * (MAX_LENGTH - 9) + "'"
    assert parse(longest, VERSIONS)
    assert wrong(longest + " ") == (MAX_LENGTH + 1, "it is longer than 4000 characters.")


def test_models_have_fields_of_their_own() -> None:
    assert parse("latest_version > 3 and stage = 'production'", MODELS)
    with pytest.raises(InvalidRequest, match="The fields of a model are alias, created_at"):
        parse("metrics.auc > 1", MODELS)


PIECES = st.sampled_from(
    [
        *("(", ")", "not ", " and ", " or ", " in ", " like ", " is null", "name", "metrics.auc"),
        *("params.`", "`", "``", "'", "''", "'a'", "1", "-1e5", ".", ",", " = ", "<", ">=", "true"),
        *("tags.a", "\\", "\n", "stage", "é", "asc", " desc", "created_at", "'2026-01-01'"),
    ]
)


def told(text: str) -> InvalidRequest | None:
    """What is wrong with a text as a filter or as an order, if anything is."""
    try:
        for fields in (VERSIONS, MODELS):
            parse(text, fields)
            parse_order(text, fields)
    except InvalidRequest as problem:
        return problem
    return None


@settings(max_examples=500, deadline=None, database=None)
@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200)))
def test_any_text_is_read_or_told_where_it_is_wrong(text: str) -> None:
    problem = told(text)
    if problem is not None:
        assert problem.errors is not None
        column = int(problem.errors[0]["detail"].removeprefix("Column ").split(":")[0])
        assert 1 <= column <= len(text) + 1


def calls_to_read(text: str) -> int:
    """How many functions are called until a filter is read or refused: work without a clock."""
    called = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal called
        called += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        told(text)
    finally:
        sys.setprofile(before)
    return called


@pytest.mark.parametrize(
    "piece",
    ["(", "not ", "(not ", "name = 'a' and ", "name in ('a', ", "'a', ", "`", "'", "1e", "a.", "é"],
)
def test_the_work_of_reading_grows_with_the_length_alone(piece: str) -> None:
    told(piece)  # whatever is made once is made
    once, twice = (calls_to_read((piece * 2000)[:length]) for length in (2000, 4000))
    assert twice <= 2.5 * once + 200
