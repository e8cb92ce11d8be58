"""Markdown in which nothing that somebody wrote becomes structure, asked of a real parser."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.core import markdown as md

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
INVISIBLE = "\u200b"
HOSTILE = (
    "| a | b |",
    "a \\| b \\",
    "\\\\| x",
    "`code` and ``more`` `",
    "<script>alert(1)</script>",
    "<!-- -->",
    "![x](https://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "[ref]: https://evil.example",
    "https://evil.example/a www.evil.example",
    "<https://evil.example>",
    "@all, see #12, GH-3, !4, ~bug and :tada:",
    "someone@example.com",
    "# Heading",
    "1. first",
    "- item",
    "+ item",
    "===",
    "---",
    "***",
    "> quoted",
    "~~~\nfence",
    "```sh\nrm -rf /\n```",
    "**bold** _slanted_ ~~gone~~",
    "&lt;b&gt; &amp; &#124; &nbsp;",
    "$x^2$ $$y$$",
    "a\r\nb\u2028c\x0bd",
    "\u202egnp.exe",
    "    indented",
    "\ttabbed",
    "[^1] [x] - [ ] todo",
    "{{ liquid }} {% raw %}",
    "end\\",
)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.text(st.sampled_from("|\\`*_[]()<>#!~-+=:.@&$1a \n"), max_size=30),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map("".join),
)


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def shown(tokens: list[Token]) -> str:
    """What a reader sees, without what is only there to be between."""
    return "".join(token.content for token in tokens).replace(INVISIBLE, "")


def expected(value: str) -> str:
    return md._on_one_line(value).replace(INVISIBLE, "")


@given(texts)
def test_a_text_is_shown_as_it_was_written(value: str) -> None:
    tokens = PARSER.parse("x " + md.text(value, longest=1000))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    found = inline(tokens)
    assert {token.type for token in found} <= {"text", "text_special"}, found
    assert shown(found) == ("x " + expected(value)).rstrip()


@given(texts)
def test_a_text_alone_is_a_paragraph(value: str) -> None:
    tokens = PARSER.parse(md.text(value))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {token.type for token in inline(tokens)} <= {"text", "text_special"}


@given(texts, texts)
def test_a_table_has_the_cells_it_was_given(one: str, other: str) -> None:
    made = md.table(
        [md.text("key"), md.text(one)],
        [[md.code(one, longest=1000), md.text(other, longest=1000)], [md.text("b"), md.code("c")]],
        right=[1],
    )
    tokens = PARSER.parse(made)
    assert [token.type for token in tokens].count("tr_open") == 3
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 6
    words = shown([token for token in cells[2].children or () if token.type != "html_inline"])
    assert words == expected(one)
    assert {token.type for token in cells[3].children or ()} <= {"text", "text_special"}
    assert shown(cells[3].children or []) == expected(other)


@given(texts)
def test_code_is_one_piece_of_code(value: str) -> None:
    found = inline(PARSER.parse(f"x {md.code(value, longest=1000)} y"))
    html = [token.content for token in found if token.type == "html_inline"]
    assert html in ([], ["<code>", "</code>"])
    spans = [token for token in found if token.type == "code_inline"]
    assert len(spans) + len(html) // 2 == (1 if expected(value) else 0)
    said = shown([token for token in found if token.type != "html_inline"])
    assert " ".join(said.split()) == " ".join(f"x {expected(value)} y".split())


@given(texts)
def test_a_quotation_holds_text_alone(value: str) -> None:
    tokens = PARSER.parse(md.quote(value) + "\n\nafter")
    kinds = [token.type for token in tokens if token.level == 0 and token.type != "inline"]
    assert kinds == ["blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close"]
    assert {token.type for token in inline(tokens)} <= {"text", "text_special", "hardbreak"}


@given(texts)
def test_a_fence_ends_where_it_should(value: str) -> None:
    tokens = PARSER.parse(f"{md.fence(value)}\n\nafter")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
    assert [token.type for token in tokens].count("fence") == 1


@given(texts, texts)
def test_a_link_leads_only_where_it_may(label: str, address: str) -> None:
    tokens = inline(PARSER.parse(f"x {md.link(label, address)} y"))
    for token in tokens:
        assert token.type in ("text", "text_special", "link_open", "link_close")
        if token.type == "link_open":
            assert re.match("https?://", str(token.attrs["href"]), re.IGNORECASE)


def test_a_link_keeps_its_address() -> None:
    made = md.link("a...b", "https://github.com/acme/churn/compare/a1b2...c3d4?x=1&y=(2)")
    (opened, *_) = inline(PARSER.parse(made))
    assert opened.attrs["href"] == (
        "https://github.com/acme/churn/compare/a1b2...c3d4?x=1&y=%282%29"
    )


@pytest.mark.parametrize(
    ("value", "never"),
    [
        ("@all", "@all"),
        ("see #12", "#12"),
        ("GH-7", "GH-7"),
        ("https://evil.example", "://"),
        ("WWW.evil.example", "WWW."),
        ("a@b.example", "@b"),
        (":tada:", ":tada:"),
        ("!5", "!5"),
    ],
)
def test_nothing_calls_or_links_by_itself(value: str, never: str) -> None:
    """Renderers look for these in the text that they show."""
    (found,) = [token for token in PARSER.parse(md.text(value)) if token.type == "inline"]
    assert never not in "".join(child.content for child in found.children or ())


def test_what_is_plain_stays_readable() -> None:
    assert md.text("Depth 6 instead of 4, lr 0.01 (2026-11-20).") == (
        "Depth 6 instead of 4, lr 0.01 (2026-11-20)."
    )
    assert md.code("optimizer.name") == "`optimizer.name`"
    assert md.code("log_loss") == "`log_loss`"


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    assert md.text("|" * 50, longest=3) == "&#124;&#124;…"
    assert md.code("a" * 300).count("a") == 199


def test_what_turns_a_line_around_is_made_visible() -> None:
    assert md.text("a\u202eb\x00c") == "a\ufffdb\ufffdc"


def test_a_page_ends_with_a_newline_and_leaves_out_nothing_empty() -> None:
    made = md.page([md.heading(2, md.text("# A")), md.NOTHING, md.bullets([md.text("- b")])])
    assert made == "## \\# A\n\n- \\- b\n"
