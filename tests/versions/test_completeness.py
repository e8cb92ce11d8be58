"""What a recipe needs for somebody else to make the version again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.versions.completeness import assess, is_commit, is_pinned, python_series
from app.versions.repositories import is_reachable, scheme_of

WHOLE: dict[str, Any] = {
    "params": {"lr": 0.1},
    "code": {
        "repository": "https://git.example.com/risk/churn.git",
        "commit": "3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304",
        "dirty": False,
        "entrypoint": "python train.py",
    },
    "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.0"}},
    "datasets": [{"name": "customers", "role": "train", "uri": "s3://d/c", "sha256": "ab" * 32}],
    "seed": 0,
}
IMAGE = f"registry.example.com/train@sha256:{'0' * 64}"


def with_(field: str, value: Any) -> dict[str, Any]:
    """The whole recipe, but for this."""
    top, _, key = field.partition(".")
    if not key:
        return {**WHOLE, field: value}
    if top == "datasets":
        return {**WHOLE, top: [{**WHOLE[top][0], key: value}]}
    return {**WHOLE, top: {**WHOLE[top], key: value}}


def test_a_whole_recipe_lacks_nothing() -> None:
    found = assess(WHOLE)
    assert (found.score, found.missing, found.reproducible) == (1.0, (), True)


def test_an_empty_recipe_lacks_everything_and_says_each_thing_once() -> None:
    found = assess({})
    assert found.score == 0
    assert [each.field for each in found.missing] == [
        "code.repository",
        "code.commit",
        "code.clean",
        "code.entrypoint",
        "environment.python",
        "environment.packages",
        "datasets",
        "seed",
        "params",
    ]
    assert all(each.why.endswith(".") and each.remedy.endswith(".") for each in found.missing)


@pytest.mark.parametrize(
    ("field", "value", "missing", "score"),
    [
        ("code", None, "code.repository", 0.55),
        ("code.repository", "http://git.example.com/a.git", "code.repository", 0.9),
        ("code.repository", "https://a:hunter2@git.example.com/a.git", "code.repository", 0.9),
        ("code.repository", "file:///srv/a.git", "code.repository", 0.9),
        ("code.commit", "3f2c9e1", "code.commit", 0.85),
        ("code.commit", "main", "code.commit", 0.85),
        ("code.dirty", True, "code.clean", 0.9),
        ("code.dirty", None, "code.clean", 0.9),
        ("code.entrypoint", "  ", "code.entrypoint", 0.9),
        ("code.entrypoint", "curl evil | sh", "code.entrypoint", 0.9),
        ("environment", None, "environment.python", 0.75),
        ("environment.python", "three", "environment.python", 0.9),
        ("environment.packages", {}, "environment.packages", 0.85),
        ("environment.packages", {"numpy": ">=2"}, "environment.packages", 0.85),
        ("environment.packages", {"a": "1", "b": "latest"}, "environment.packages", 0.92),
        ("datasets", [], "datasets", 0.8),
        ("datasets.sha256", None, "datasets.sha256", 0.9),
        ("datasets.uri", None, "datasets.uri", 0.9),
        ("seed", None, "seed", 0.95),
        ("params", {}, "params", 0.95),
    ],
)
def test_what_is_missing_is_named_and_weighs(
    field: str, value: Any, missing: str, score: float
) -> None:
    found = assess(with_(field, value))
    assert found.missing[0].field == missing
    assert found.score == score
    assert not found.reproducible


def test_a_digest_of_the_difference_does_for_a_dirty_tree() -> None:
    code = {**WHOLE["code"], "dirty": True, "diff_sha256": "ab" * 32}
    assert assess({**WHOLE, "code": code}).reproducible


def test_a_container_image_does_for_packages_if_its_digest_is_named() -> None:
    environment = {"python": "3.11.7", "packages": {}}
    pinned = {**environment, "container_image": IMAGE}
    assert assess({**WHOLE, "environment": pinned}).reproducible
    loose = {**environment, "container_image": "registry.example.com/train:latest"}
    assert not assess({**WHOLE, "environment": loose}).reproducible


def test_a_thousand_packages_without_one_are_not_complete() -> None:
    packages = {f"p{n}": "1" for n in range(1000)} | {"odd": "main"}
    found = assess(with_("environment.packages", packages))
    assert found.score == 0.99
    assert "`odd`" in found.missing[0].why


def test_no_password_is_repeated() -> None:
    found = assess(with_("code.repository", "https://a:hunter2@git.example.com/a.git"))
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("repository", "scheme"),
    [
        ("https://git.example.com/risk/churn.git", "https"),
        ("https://team@git.example.com:8443/risk/_git/churn%20x", "https"),
        ("ssh://git@git.example.com:2222/~risk/churn.git", "ssh"),
        ("git@git.example.com:risk/churn.git", "scp"),
        ("file:///srv/git/churn.git", "file"),
        ("https://[::1]:8443/a.git", "https"),
        ("http://git.example.com/a.git", None),
        ("git://git.example.com/a.git", None),
        ("ext::sh -c touch% /tmp/x", None),
        ("ssh://-oProxyCommand=x/a", None),
        ("ssh://git@-oProxyCommand=x/a", None),
        ("-u@host:x", None),
        ("git@host:-x", None),
        ("--upload-pack=x", None),
        ("https://git.example.com/a b", None),
        ("https://git.example.com/a\n", None),
        ("https://git.example.com/$(id)", None),
        ("https://a:b@git.example.com/a", None),
        ("ssh://a:b@git.example.com/a", None),
        ("/srv/git/churn.git", None),
        ("file://host/a", None),
        ("", None),
    ],
)
def test_only_known_schemes_are_repositories(repository: str, scheme: str | None) -> None:
    assert scheme_of(repository) == scheme


@pytest.mark.parametrize(
    ("name", "version", "pinned"),
    [
        ("scikit-learn", "1.9.1", True),
        ("torch", "2.9.0+cu130", True),
        ("x", "1!2.0rc1.post2.dev3", True),
        ("x", "2024.1-1", True),
        ("x", "1.*", False),
        ("x", ">=1", False),
        ("x", "1 ; python_version > '3'", False),
        ("x", "1 --hash=x", False),
        ("x", "1\n-r other", False),
        ("-r", "1", False),
        ("--index-url", "1", False),
        ("x[extra]", "1", False),
        ("x @ https://example.com/x", "1", False),
        ("x", "", False),
    ],
)
def test_only_one_version_in_full_is_a_pin(name: str, version: str, pinned: bool) -> None:
    assert is_pinned(name, version) is pinned


def test_a_commit_is_whole_and_in_hex() -> None:
    assert is_commit("a" * 40)
    assert is_commit("0" * 64)
    assert not any(map(is_commit, ("A" * 40, "a" * 39, "a" * 41, "a" * 40 + "\n", "HEAD", "")))


def test_a_series_of_python_is_its_first_two_numbers() -> None:
    assert python_series("3.11.7") == "3.11"
    assert python_series("3.14.0rc1") == "3.14"
    assert python_series("$(id)") is None
    assert python_series("3.11\n") is None


odd = st.none() | st.integers() | st.text(max_size=8) | st.dictionaries(st.text(), st.none())


@given(st.sampled_from([*WHOLE, "code.commit", "environment.packages", "datasets.uri"]), odd)
def test_whatever_stands_there_is_judged_between_nothing_and_all(field: str, value: Any) -> None:
    found = assess(with_(field, value))
    assert 0 <= found.score <= 1
    assert found.reproducible == (found.score == 1)


@given(st.text(max_size=60))
def test_what_is_reachable_has_nothing_that_a_shell_or_git_would_take_amiss(text: str) -> None:
    for repository in (text, f"https://{text}", f"ssh://{text}/a", f"git@h:{text}"):
        if is_reachable(repository):
            assert repository.isascii()
            assert not repository.startswith("-")
            assert not set(repository) & set(" \t\n\r'\"\\$`|&;<>(){}*?!#^\0")
