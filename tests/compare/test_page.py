"""A comparison as Markdown: compact, stable, and nothing in it is what somebody made of it."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.compare.rules import recipe
from app.compare.rules.files import file_rows
from app.compare.rules.hosts import commit_range
from app.compare.rules.page import TITLES, as_page
from app.compare.rules.results import Measured, by_data, evaluation_rows, metric_rows
from app.compare.rules.rows import Row, cut
from tests.actors import Api
from tests.core.test_markdown import texts
from tests.factories import make_model, make_ready

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<code>", "</code>"}


def comparison(sides: list[Mapping[str, Any]], **sections: list[Row]) -> dict[str, Any]:
    versions = [
        {"ref": str(at), "model": "churn", "number": at, "stage": "none", "status": "ready"}
        | {"name": None, "aliases": [], "recalled": False}
        | dict(each)
        for at, each in enumerate(sides, start=1)
    ]
    empty: dict[str, Any] = {name: [] for name in TITLES}
    base = {"model": "churn", "versions": versions, "baseline": 0, "commits": [], "truncated": []}
    return {**base, **empty, **sections}


def only(rows: Any) -> list[Row]:
    return cut(rows, only_differing=False)[0]


@given(st.lists(texts, min_size=12, max_size=12), st.integers(0, 3))
def test_nothing_that_somebody_wrote_is_structure(words: list[str], extra: int) -> None:
    keys = words[: 2 + extra]
    one = dict.fromkeys(keys, words[5])
    other = dict.fromkeys(keys, words[6])
    step = {"name": words[0], "version": words[1]}
    data = {"name": words[2], "role": "train", "version": words[3]}
    code = {"repository": words[4], "commit": words[7], "entrypoint": words[8]}
    new_code = {**code, "commit": words[9]}
    report = (words[10], None, words[11] or "x", Measured("1", 0.5, 0.1))
    ranges = commit_range(1, code, new_code)
    found = comparison(
        [{"name": words[5]}, {"name": words[6], "model": words[1] or "x", "aliases": [words[2]]}],
        params=only(recipe.flat_rows([one, other], 0)),
        preprocessing=only(recipe.step_rows([[], [step]], 0)),
        datasets=only(recipe.dataset_rows([[data], []], 0)),
        code=only(recipe.part_rows([code, new_code], 0)),
        metrics=only(metric_rows([dict.fromkeys(keys, 1), dict.fromkeys(keys, 2)], 0, {})),
        evaluations=only(evaluation_rows(by_data([[report], []]), 0, {})),
        files=only(file_rows([{words[0] or "x": {"sha256": "ab" * 32, "size": 4096}}, {}], 0)),
        commits=[ranges] if ranges else [],
    )
    tokens = PARSER.parse(as_page(found))
    kinds = [token.type for token in tokens]
    sections = [name for name in TITLES if found[name]]
    assert kinds.count("heading_open") == 1 + len(sections)
    assert kinds.count("table_open") == 1 + len(sections)
    rows = 1 + 2 + sum(1 + len(found[name]) for name in sections)
    assert kinds.count("tr_open") == rows
    assert kinds.count("td_open") == 5 * 2 + sum(3 * len(found[name]) for name in sections)
    assert not {"html_block", "blockquote_open", "hr", "fence", "code_block"} & set(kinds)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {
        *("text", "text_special", "code_inline", "html_inline"),
        *("strong_open", "strong_close", "em_open", "em_close"),
    }
    assert {child.content for child in inline if child.type == "html_inline"} <= OURS


def test_the_page_fits_a_comment_and_says_what_is_left_out() -> None:
    many = [{f"p{n:05}": "x" * 70 + str(side) for n in range(3000)} for side in range(20)]
    found = comparison([{}] * 20, params=only(recipe.flat_rows(many, 0)))
    page = as_page(found)
    assert len(page) <= 65_536
    assert "_Rows left out: parameters: " in page
    PARSER.parse(page)


def test_one_section_does_not_push_the_others_out() -> None:
    many = [{f"p{n:05}": side for n in range(3000)} for side in range(2)]
    one = [{"seed": 1}, {"seed": 2}]
    found = comparison(
        [{}] * 2,
        params=only(recipe.flat_rows(many, 0)),
        about=only(recipe.about_rows(one, 0)),
    )
    page = as_page(found)
    assert page.count("| `p0") == 200
    assert "`seed`" in page
    assert "_Rows left out: parameters: 2800._" in page


async def test_a_pull_request_gets_markdown(admin: Api) -> None:
    await make_model(admin)
    code = {"repository": "https://github.com/acme/churn", "commit": "3f2c9e1b7a5d"}
    await make_ready(admin, params={"lr": 0.01}, metrics={"auc": 0.92}, code=code)
    new = {**code, "commit": "a81d04c6e2f0"}
    await make_ready(admin, params={"lr": 0.02}, metrics={"auc": 0.94}, code=new)
    path = "/models/churn/compare?versions=1,2"
    found = await admin.get(f"{path}&format=markdown")
    assert found.headers["content-type"] == "text/markdown; charset=utf-8"
    assert found.text.startswith("### churn: 2 against 1\n\n| Version |")
    assert "| `auc` | 0.92 | **0.94** (+0.02) |" in found.text
    assert "| `lr` | `0.01` | `0.02` ≠ |" in found.text
    assert (
        "- 2: [3f2c9e1b7a5d...a81d04c6e2f0]"
        "(https://github.com/acme/churn/compare/3f2c9e1b7a5d...a81d04c6e2f0)" in found.text
    )
    assert (await admin.get(path, headers={"Accept": "text/markdown"})).content == found.content
    assert (await admin.get(f"{path}&format=markdown")).content == found.content


async def test_nothing_differs(admin: Api) -> None:
    await make_model(admin)
    for _ in range(2):
        await make_ready(admin, params={"lr": 0.01})
    page = await admin.get("/models/churn/compare?versions=1,2&format=markdown")
    assert page.text.endswith("\n\nNothing differs.\n")
    everything = {"format": "markdown", "differs": "false"}
    page = await admin.get(
        "/models/churn/compare?versions=1,2", params=everything | {"versions": "1,2"}
    )
    assert "| `lr` | `0.01` | `0.01` |" in page.text
