"""What differs, decided on plain values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compare.rules import recipe
from app.compare.rules.directions import Direction, by_gates, by_name, direction
from app.compare.rules.files import file_rows
from app.compare.rules.hosts import commit_range, parse_repository
from app.compare.rules.releases import order
from app.compare.rules.results import Measured, by_data, evaluation_rows, metric_rows
from app.compare.rules.rows import rows
from app.policies.gates import parse_gate

OLD, NEW = "3f2c9e1b7a5d", "a81d04c6e2f0"
values = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["a", "b", 1.0]))
flats = st.lists(
    st.dictionaries(st.sampled_from("abcd"), values, max_size=4), min_size=2, max_size=4
)


@given(flats, st.data())
def test_every_row_says_how_each_version_stands_to_the_baseline(
    found: list[dict[str, Any]], data: st.DataObject
) -> None:
    baseline = data.draw(st.integers(0, len(found) - 1))
    made = list(rows(found, baseline))
    assert [each["key"] for each in made] == sorted(set().union(*found))
    for each in made:
        key = each["key"]
        for at, one in enumerate(found):
            here, there = key in one, key in found[baseline]
            change = each["changes"][at]
            assert (change in ("gone", "absent")) == (not here)
            assert (change in ("added", "absent")) == (not there)
            assert each["values"][at] == one.get(key)
        assert each["differs"] == bool(set(each["changes"]) - {"same", "absent"})


@given(flats)
def test_two_versions_swapped_are_the_same_rows_swapped(found: list[dict[str, Any]]) -> None:
    swapped = {"added": "gone", "gone": "added"}
    there, back = list(rows(found[:2], 0)), list(rows(found[1::-1], 0))
    for one, other in zip(there, back, strict=True):
        assert one["differs"] == other["differs"]
        assert swapped.get(one["changes"][1], one["changes"][1]) == other["changes"][1]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("1.9.0", "1.10.0", "upgraded"),
        ("1.10", "1.9", "downgraded"),
        ("2.0rc1", "2.0", "upgraded"),
        ("2.0.dev3", "2.0a1", "upgraded"),
        ("2.0", "2.0.post1", "upgraded"),
        ("2.0a2", "2.0b1", "upgraded"),
        ("1!1.0", "2.0", "downgraded"),
        ("2.1.0+cu118", "2.1.0+cu121", "changed"),
        ("1.0", "1.0.0", "changed"),
        ("3.11.7", "3.12.0", "upgraded"),
        ("latest", "1.0", "changed"),
        ("1.0", None, "changed"),
        ("1.0", "1.0", "same"),
    ],
)
def test_releases_have_an_order(before: str, after: str | None, change: str) -> None:
    assert order(before, after) == change


@given(
    st.lists(
        st.from_regex(r"\A(?:[0-9]{1,2}!)?[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?:(?:a|b|rc)[0-9])?\Z"),
        min_size=3,
        max_size=3,
    )
)
def test_the_order_of_releases_is_one(three: list[str]) -> None:
    a, b, c = three
    up = ("upgraded", "same", "changed")
    if order(a, b) in up and order(b, c) in up:
        assert order(a, c) in up
    turned = {"upgraded": "downgraded", "downgraded": "upgraded"}
    assert order(b, a) == turned.get(order(a, b), order(a, b))


@given(st.text(max_size=200))
def test_any_text_can_be_a_release(text: str) -> None:
    assert order(text, "1.0") in ("same", "changed", "upgraded", "downgraded")


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        ("val_loss", "lower"),
        ("log_loss", "lower"),
        ("neg_log_loss", "higher"),
        ("test/AUC", "higher"),
        ("rmse", "lower"),
        ("valAccuracy", "higher"),
        ("f1", "higher"),
        ("latency_ms", "lower"),
        ("epochs", "unknown"),
        ("error_recall", "unknown"),
    ],
)
def test_the_words_of_a_name_say_which_way_is_better(metric: str, way: str) -> None:
    assert by_name(metric).way == way


def test_a_policy_knows_better_than_a_name() -> None:
    gates = [
        {
            "type": "baseline",
            "metric": "churn_loss",
            "dataset": "holdout",
            "higher_is_better": True,
        },
        {"type": "metric", "metric": "size", "op": "<=", "value": 3},
        {"type": "metric", "metric": "width", "op": "<", "value": 3},
        {"type": "metric", "metric": "width", "op": ">", "value": 1},
        {"type": "metric", "metric": "layers", "op": "=", "value": 3},
    ]
    known = by_gates(map(parse_gate, gates))
    assert direction("churn_loss", known) == Direction("higher", "policy")
    assert direction("size", known) == Direction("lower", "policy")
    assert direction("width", known).way == "unknown"
    assert direction("layers", known).way == "unknown"


def test_which_metric_is_better_and_by_how_much() -> None:
    auc, loss = metric_rows(
        [{"auc": 0.921, "log_loss": 0.3}, {"auc": 0.934, "log_loss": 0.3}], 0, {}
    )
    assert (auc["differences"], auc["better"], auc["sure"]) == ([0.0, 0.013], 1, None)
    assert (loss["differs"], loss["better"]) == (False, None)


def test_a_lead_within_the_noise_is_not_sure() -> None:
    def report(value: float, stderr: float | None) -> tuple[str, str, str, Measured]:
        return ("holdout", "ab" * 32, "auc", Measured("x", value, stderr))

    (row,) = evaluation_rows(
        by_data([[report(0.90, 0.01)], [report(0.91, 0.01)], [report(0.95, 0.01)]]), 0, {}
    )
    assert (row["better"], row["sure"]) == (2, True)
    assert row["within_noise"] == [None, True, False]
    (row,) = evaluation_rows(by_data([[report(0.90, None)], [report(0.95, 0.01)]]), 0, {})
    assert (row["better"], row["sure"], row["within_noise"]) == (1, None, [None, None])


def test_data_is_one_by_its_digest_whatever_it_is_called() -> None:
    a = [("holdout", "ab" * 32, "auc", Measured("1", 0.9, None))]
    b = [
        ("hold-out", "ab" * 32, "auc", Measured("2", 0.8, None)),
        ("holdout", "cd" * 32, "auc", Measured("3", 0.7, None)),
    ]
    made = list(evaluation_rows(by_data([a, b]), 0, {}))
    assert [each["values"] for each in made] == [[0.9, 0.8], [None, 0.7]]
    assert {each["dataset"]["name"] for each in made} == {"hold-out", "holdout"}


def test_data_differs_by_its_digest_alone_where_both_have_one() -> None:
    one = {"name": "customers", "role": "train", "sha256": "ab" * 32, "rows": 10}
    (row,) = recipe.dataset_rows([[one], [{**one, "uri": "s3://x", "rows": 12}]], 0)
    assert (row["differs"], row["rows_differences"]) == (False, [0.0, 2.0])
    (row,) = recipe.dataset_rows([[one], [{**one, "sha256": "cd" * 32}]], 0)
    assert (row["key"], row["changes"]) == ("train customers", ["same", "changed"])
    (row,) = recipe.dataset_rows(
        [[{"name": "a", "role": "test"}], [{"name": "a", "role": "test", "version": "2"}]], 0
    )
    assert row["changes"] == ["same", "changed"]


def test_data_of_one_name_is_told_apart() -> None:
    twice = [{"name": "a", "role": "train", "rows": n} for n in (1, 2)]
    made = list(recipe.dataset_rows([twice, twice[:1]], 0))
    assert [(each["key"], each["changes"]) for each in made] == [
        ("train a", ["same", "same"]),
        ("train a #2", ["same", "gone"]),
    ]


def test_only_what_was_moved_is_moved() -> None:
    def steps(names: str) -> list[dict[str, str]]:
        return [{"name": name} for name in names]

    made = {e["key"]: e["changes"][1] for e in recipe.step_rows([steps("abcd"), steps("dabcx")], 0)}
    assert made == {"a": "same", "b": "same", "c": "same", "d": "moved", "x": "added"}


@given(st.permutations("abcdef"))
def test_steps_in_another_order_differ(after: list[str]) -> None:
    made = list(
        recipe.step_rows([[{"name": name} for name in "abcdef"], [{"name": n} for n in after]], 0)
    )
    moved = {each["key"] for each in made if each["differs"]}
    assert (not moved) == (after == list("abcdef"))
    stay = [name for name in after if name not in moved]
    assert stay == sorted(stay)


def test_an_environment_is_compared_package_by_package() -> None:
    old = {"python": "3.11.7", "packages": {"numpy": "1.26.0", "pandas": "2.1.0", "gone": "1"}}
    new = {
        "python": "3.12.0",
        "packages": {"numpy": "2.0.0", "pandas": "2.0.3", "ruamel.yaml": "1"},
    }
    made = {e["key"]: e["changes"][1] for e in recipe.environment_rows([old, new], 0)}
    assert made == {
        "python": "upgraded",
        "packages.numpy": "upgraded",
        "packages.pandas": "downgraded",
        "packages.gone": "gone",
        "packages.`ruamel.yaml`": "added",
    }


def test_files_are_the_same_where_the_digest_is() -> None:
    a, b = {"sha256": "ab" * 32, "size": 10}, {"sha256": "cd" * 32, "size": 4}
    made = list(file_rows([{"w": a, "x": a}, {"w": b, "y": b}], 0))
    assert [(e["key"], e["changes"][1], e["size_differences"][1]) for e in made] == [
        ("w", "changed", -6),
        ("x", "gone", None),
        ("y", "added", None),
    ]


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        ("https://github.com/acme/churn.git", "https://github.com/acme/churn/compare/{0}...{1}"),
        ("git@github.com:acme/churn.git", "https://github.com/acme/churn/compare/{0}...{1}"),
        ("ssh://git@github.com:22/acme/churn", "https://github.com/acme/churn/compare/{0}...{1}"),
        ("https://gitlab.com/a/b/c", "https://gitlab.com/a/b/c/-/compare/{0}...{1}"),
        ("https://gitlab.acme.org/a/b.git", "https://gitlab.acme.org/a/b/-/compare/{0}...{1}"),
        ("https://user:pw@github.com/a/b", "https://github.com/a/b/compare/{0}...{1}"),
        ("https://bitbucket.org/a/b", "https://bitbucket.org/a/b/branches/compare/{1}%0D{0}"),
        ("https://codeberg.org/a/b", "https://codeberg.org/a/b/compare/{0}...{1}"),
        ("https://git.example.com/risk/churn.git", None),
        ("https://github.com.evil.example/a/b", None),
        ("https://evil.example/github.com/a", None),
        ("javascript://github.com/a/b", None),
        ("file:///github.com/a/b", None),
        ("https://github.com/a/../b", None),
        ("https://github.com/a/b?x=y", None),
        ("https://github.com/a/b)[x](https://evil.example", None),
        ("https://github.com:8443/a/b", None),
        ("https://[::1/a/b", None),
        ("/srv/git/churn", None),
    ],
)
def test_only_known_hosts_are_linked_to(repository: str, url: str | None) -> None:
    before, after = ({"repository": repository, "commit": each} for each in (OLD, NEW))
    found = commit_range(1, before, after)
    assert found is not None
    assert found["range"] == f"{OLD}..{NEW}"
    assert found["link"] == (url and url.format(OLD, NEW))


def test_commits_that_are_none_lead_nowhere() -> None:
    hostile = {"repository": "https://github.com/a/b", "commit": "x..y --exec=evil"}
    found = commit_range(1, hostile, {**hostile, "commit": NEW})
    assert found is not None
    assert (found["range"], found["link"]) == (None, None)
    elsewhere = {"repository": "https://github.com/a/c", "commit": OLD}
    found = commit_range(
        1, elsewhere, {**elsewhere, "repository": "https://github.com/a/b", "commit": NEW}
    )
    assert found is not None
    assert (found["range"], found["link"]) == (None, None)
    assert commit_range(1, None, elsewhere) is None
    assert commit_range(1, elsewhere, elsewhere) is None


@given(st.text(max_size=80))
def test_any_text_can_be_a_repository(text: str) -> None:
    found = parse_repository(text)
    assert found is None or found.path.isascii()
