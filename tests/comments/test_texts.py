"""Which texts a comment may have."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.comments.schemas import CommentInput
from tests.comments.saying import ON_VERSION, comment, edit, shown, texts
from tests.factories import pointers, problem
from tests.promotions.acting import People

LIMIT = 64 * 1024
TEXTS = [
    "x",
    "  indented, and a line end\r\n\tand a tab\n",
    "Ünïcödé, 漢字, العربية, and 👩🏽‍🔬",
    "e\u0301 stays apart from \u00e9",
    "\u2028 \u200b \ufeff \U0010ffff \ufffe",
    "<script>alert(1)</script> & 'quotes' \"and\" %s {braces} \\0",
    "x" * LIMIT,
    "ä" * (LIMIT // 2),
]
REFUSED: list[Any] = [
    "",
    " ",
    "\n\t \r\n",
    "\u2003\u3000",
    "a\0b",
    "\x07",
    "\x1b[31m",
    "\x7f",
    "x" * (LIMIT + 1),
    "ä" * (LIMIT // 2) + "x",
    "\ud800",
    None,
    7,
    ["x"],
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_a_text_comes_back_as_it_was_sent(people: People, text: str) -> None:
    said = await comment(people.dan, text)
    assert said["body"] == text
    assert (await shown(people.carol, said))["body"] == text
    other = await comment(people.dan, "Another.")
    assert (await edit(people.dan, other, text)).json()["body"] == text
    assert await texts(people.carol) == [text, text]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
async def test_what_is_no_text_is_refused(people: People, text: Any) -> None:
    said = await comment(people.dan, "Before.")
    content = json.dumps({"body": text})
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", ON_VERSION), ("PATCH", f"/comments/{said['id']}")):
        answer = await people.dan.request(method, path, content=content, headers=headers)
        assert pointers(problem(answer, 422, "invalid-request")) == {"/body"}
    assert await texts(people.carol) == ["Before."]


async def test_a_body_has_its_field_and_no_other(people: People) -> None:
    said = await comment(people.dan, "Before.")
    path = f"/comments/{said['id']}"
    for fields, pointer in (
        ({}, "/body"),
        ({"body": "x", "author": "alice"}, "/author"),
        ({"body": "x", "promotion": None}, "/promotion"),
    ):
        for answer in (
            await people.dan.post(ON_VERSION, fields),
            await people.dan.patch(path, fields),
        ):
            assert pointers(problem(answer, 422, "invalid-request")) == {pointer}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_is_taken_exactly_if_it_says_something_and_controls_nothing(text: str) -> None:
    controls = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if text.isspace() or not text or controls:
        with pytest.raises(ValidationError):
            CommentInput(body=text)
    else:
        assert CommentInput(body=text).body == text


@given(st.sampled_from("aä漢👩"), st.integers(-2, 2))
def test_the_limit_counts_bytes(character: str, more: int) -> None:
    size = len(character.encode())
    text = character * (LIMIT // size) + "x" * (LIMIT % size + more) if more >= 0 else character
    if len(text.encode()) > LIMIT:
        with pytest.raises(ValidationError):
            CommentInput(body=text)
    else:
        assert CommentInput(body=text).body == text
