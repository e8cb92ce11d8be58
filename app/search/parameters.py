"""The parameters of searches, told so that the language can be used from the API's pages alone."""

from typing import Annotated, Any

from fastapi import Query

from app.search.fields import MODELS, VERSIONS, Fields
from app.search.parser import MAX_DEPTH, MAX_KEYS, MAX_LENGTH, MAX_TERMS, MAX_VALUES
from app.search.syntax import Kind

MAX_TEXT = 200
NO_NUL = r"^[^\x00]*$"  # PostgreSQL has no text that holds one


def _named(fields: Fields) -> str:
    ways = {"map": ".<key>", "open": ".<key>"}
    return ", ".join(
        f"`{name}{ways.get(spec.shape, '')}` ({'list of ' if spec.many else ''}{_kind(spec.kind)})"
        for name, spec in sorted(fields.specs.items())
    )


def _kind(kind: Kind) -> str:
    said = {
        Kind.WORD: "text in any case",
        Kind.INTEGER: "number",
        Kind.OPEN: "text, number or true/false",
        Kind.CHOICE: "a fixed text",
    }
    return said.get(kind, str(kind))


def _filter_text(fields: Fields) -> str:
    return (
        "What to find: comparisons joined by `and`, `or`, `not` and parentheses.\n\n"
        "- `=`, `!=` (or `<>`), `<`, `<=`, `>`, `>=`; `in (…)`; `like` (`%` any text, `_` one "
        "character, `\\` before either to mean itself); `is null`, `is not null`; `not in`, "
        "`not like`. Keywords in any case; upper and lower case differ, as in SQL.\n"
        "- Texts and times stand in single quotes, a quote in them is doubled: `'it''s'`. Times "
        "are RFC 3339, or a day (its midnight in UTC). Numbers and `true`/`false` stand alone.\n"
        "- A key with dots or odd characters stands in backticks: ``tags.`cost.centre` = 'a'``.\n"
        "- What is absent, or of another type, makes a comparison neither true nor false, so "
        "`not` does not match it either. A list matches where one of its entries does.\n\n"
        f"Fields: {_named(fields)}.\n\n"
        f"At most {MAX_LENGTH} characters, {MAX_TERMS} comparisons, {MAX_DEPTH} levels of "
        f"parentheses and `not`, {MAX_VALUES} values in an `in`. The whole language: "
        "`docs/search.md`."
    )


def _order_text(fields: Fields) -> str:
    lists = sorted(name for name, spec in fields.specs.items() if spec.many)
    return (
        f"The order: 1 to {MAX_KEYS} fields of the filter with commas between them, each with "
        "`asc` (as without) or `desc`. What lacks a field comes last in both directions. Texts are "
        "ordered by code point; in an open field numbers come before texts. Lists have no order: "
        f"{', '.join(f'`{name}`' for name in lists)}."
    )


ModelFilter = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description=_filter_text(MODELS),
        examples=["tags.team = 'fraud' and stage = 'production'", "name like 'churn-%'"],
    ),
]
ModelOrder = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description=_order_text(MODELS) + " Without it: by name.",
        examples=["updated_at desc", "latest_version desc, name"],
    ),
]


def _text(words: str) -> Any:
    return Query(
        max_length=MAX_TEXT,
        pattern=NO_NUL,
        description="Free text, looked for in name, description, and keys and values of tags: "
        "anywhere in them, in any case, as it stands.",
        examples=[words],
    )


ModelText = Annotated[str | None, _text("churn")]
VersionText = Annotated[str | None, _text("retrained")]
VersionFilter = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description=_filter_text(VERSIONS),
        examples=[
            "metrics.auc >= 0.9 and params.lr < 0.1 and tags.team = 'fraud'",
            "stage = 'production' and created_at > '2026-01-01T00:00:00Z'",
            "status = 'ready' and not (datasets.name like 'synthetic-%')",
            "environment.packages.numpy in ('2.3.5', '2.4.0')",
        ],
    ),
]
VersionOrder = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description=_order_text(VERSIONS) + " Without it: newest first; among equals, "
        "as the direction of the last key says.",
        examples=["metrics.auc desc, created_at", "number"],
    ),
]
