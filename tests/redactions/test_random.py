"""Whatever the text and wherever it stands: it is gone, and nothing else is another than before."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.redactions.rules import fits, marker_of

AWKWARD = [
    '"',
    "\\",
    "\\u0041",
    "\n",
    "\t",
    "%",
    "_",
    ".*",
    "(",
    "[a-z]",
    "$1",
    "\\1",
    "'",
    "é",
    "e\u0301",
]
AWKWARD += ["日", "\U0001f511", "/", ":", " ", "{}", "x", "r", "red", "f", "\x7f", "\x01", "aaaa"]
PIECES = st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_characters="\0", codec="utf-8"))
SECRETS = st.lists(PIECES, min_size=8, max_size=12).map("".join)


def texts(secret: str) -> st.SearchStrategy[str]:
    """Texts that hold the secret, a part of it, or it twice over, or not at all."""
    parts = st.sampled_from([secret, secret[:-1], secret[1:], secret[:4], secret + secret[1:]])
    return st.lists(st.one_of(parts, PIECES), max_size=5).map("".join)


def documents(secret: str) -> st.SearchStrategy[Any]:
    plain = st.one_of(
        texts(secret), st.integers(-(2**53), 2**53), st.booleans(), st.none(), st.just(0.1)
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(texts(secret), inner, max_size=3)
        ),
        max_leaves=8,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, str, Any]:
    secret = draw(SECRETS)
    marker = marker_of(uuid4())
    while not fits(marker, secret):
        marker = marker_of(uuid4())
    return secret, marker, draw(texts(secret)), draw(documents(secret))


def strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from strings(item)
    elif isinstance(document, dict):
        for key, item in document.items():
            yield key
            yield from strings(item)


def redacted(document: Any, secret: str, marker: str) -> Any:
    """What Python makes of it."""
    if isinstance(document, str):
        while secret in document:
            document = document.replace(secret, marker)
        return document
    if isinstance(document, list):
        return [redacted(item, secret, marker) for item in document]
    if isinstance(document, dict):
        return {
            redacted(key, secret, marker): redacted(item, secret, marker)
            for key, item in document.items()
        }
    return document


@pytest.fixture(scope="module")
def connection(superuser_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(superuser_url, autocommit=True) as opened:
        yield opened


@settings(deadline=None, max_examples=200)
@given(cases())
def test_the_text_is_gone_and_nothing_else_differs(
    connection: psycopg.Connection[Any], case: tuple[str, str, str, Any]
) -> None:
    secret, marker, text, document = case
    row = connection.execute(
        "select stageward_redacted(%s::text, %s, %s), stageward_redacted(%s::jsonb, %s, %s, false),"
        " strpos(%s::jsonb::text, substr(q, 2, char_length(q) - 2)) > 0 "
        "from (select to_json(%s::text)::text) q(q)",
        [text, secret, marker, json.dumps(document), secret, marker, json.dumps(document), secret],
    ).fetchone()
    assert row is not None
    assert row[0] == redacted(text, secret, marker)
    assert row[1] == redacted(document, secret, marker)
    assert secret not in row[0]
    assert not any(secret in each for each in strings(row[1]))
    # what is looked for first may be found in vain, and is never missed
    assert row[2] or not any(secret in each for each in strings(document))


@settings(deadline=None, max_examples=500)
@given(SECRETS)
def test_a_marker_that_fits_leaves_nothing_to_find(secret: str) -> None:
    marker = marker_of(uuid4())
    if fits(marker, secret):
        assert secret not in marker + marker
