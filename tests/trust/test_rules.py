"""Rules on claims, as properties."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.trust import rules

SIGNS = st.text(st.sampled_from("ab/*?"), max_size=8)
SAID = st.text(st.sampled_from("ab/"), max_size=8)
NAMES = st.sampled_from(["repository", "ref", "environment"])
VALUES = st.one_of(
    SAID,
    st.integers(),
    st.booleans(),
    st.none(),
    st.lists(SAID, max_size=3),
    st.dictionaries(SAID, SAID, max_size=2),
)
RULES = st.dictionaries(NAMES, st.lists(SIGNS, min_size=1, max_size=3), min_size=1)


def _matches(pattern: str, text: str) -> bool:
    """What a glob means, said in another way."""
    escaped = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(escaped, text, re.DOTALL) is not None


def _said(value: Any) -> list[str]:
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, list):
        return value
    return [str(value)] if isinstance(value, str | int) else []


@settings(deadline=None)
@given(RULES, st.dictionaries(NAMES, VALUES))
def test_all_rules_must_match_and_one_pattern_of_each(
    asked: dict[str, list[str]], claims: dict[str, Any]
) -> None:
    for name, patterns in asked.items():
        met = any(_matches(p, text) for p in patterns for text in _said(claims.get(name)))
        assert (name not in rules.mismatches(asked, claims)) == met


@settings(deadline=None)
@given(RULES, st.dictionaries(NAMES, VALUES), NAMES)
def test_what_a_token_lacks_never_matches(
    asked: dict[str, list[str]], claims: dict[str, Any], name: str
) -> None:
    claims.pop(name, None)
    assert (name in rules.mismatches(asked, claims)) == (name in asked)


@settings(deadline=None)
@given(RULES, st.dictionaries(NAMES, VALUES), st.dictionaries(st.text(), VALUES))
def test_what_nobody_asks_for_changes_nothing(
    asked: dict[str, list[str]], claims: dict[str, Any], more: dict[str, Any]
) -> None:
    assert rules.mismatches(asked, {**more, **claims}) == rules.mismatches(
        asked, {**{k: v for k, v in more.items() if k in asked}, **claims}
    )


@pytest.mark.parametrize(
    ("pattern", "value", "met"),
    [
        ("true", True, True),
        ("True", True, False),
        ("1", True, False),
        ("5", 5, True),
        ("5", 5.0, True),
        ("5", "5", True),
        ("production", ["staging", "production"], True),
        ("*", "", True),
        ("*", None, False),
        ("*", {}, False),
        ("*", [], False),
        ("*", [None, {}], False),
        ("refs/heads/[ab]", "refs/heads/a", False),
        ("refs/heads/main", "refs/heads/main\n", False),
        ("REF", "ref", False),
    ],
)
def test_what_a_claim_says(pattern: str, value: Any, met: bool) -> None:
    assert rules.fits([pattern], value) is met


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), SAID)
def test_two_uses_are_one_exactly_where_the_jti_is(
    one: dict[str, Any], other: dict[str, Any], jti: str
) -> None:
    def digest(issuer: str, claims: dict[str, Any], signed: bytes = b"signed") -> str:
        return rules.digest_of_use(issuer, claims, signed)

    named = jti + "x"
    assert digest("i", {**one, "jti": named}) == digest("i", {**other, "jti": named}, b"other")
    assert digest("i", {"jti": named}) != digest("j", {"jti": named})
    assert digest("i", one) == digest("i", other)
    assert digest("i", one) != digest("i", one, b"other")
    assert digest("i", {"jti": "signed"}) != digest("i", {})


@settings(deadline=None)
@given(st.dictionaries(st.text(), VALUES | st.floats()))
def test_an_event_can_hold_what_it_is_told(claims: dict[str, Any]) -> None:
    from app.core.canonical import canonical

    canonical(rules.told({name: [] for name in claims}, claims))


def test_the_name_of_a_token_is_one_line() -> None:
    assert rules.label("github", "t", {"repository": "a/b"}) == "github: a/b"
    assert rules.label("gitlab", "t", {"project_path": "a\n/b"}) == "gitlab: a/b"
    assert rules.label(None, "t", {"sub": "x" * 200}) == "t: " + "x" * 125
    assert rules.label(None, "t", {}) == "t: "
