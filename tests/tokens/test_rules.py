"""How secrets look, and which glob covers which."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.actor import Scope
from app.core.globs import matches
from app.tokens.rules import (
    beyond,
    covers,
    digest_of_secret,
    expiry,
    hint_of,
    new_secret,
    well_formed,
)

GLOBS = st.text("ab*?", min_size=1, max_size=7)
NAMES = st.text("abc", max_size=8)


def test_a_secret_is_well_formed_and_a_typing_error_is_not() -> None:
    secret = new_secret()
    assert secret.startswith("swd_")
    assert len(secret) == 53
    assert well_formed(secret)
    for at in range(4, len(secret)):
        other = "1" if secret[at] == "0" else "0"
        assert not well_formed(secret[:at] + other + secret[at + 1 :])


def test_a_secret_of_the_operators_own_is_well_formed_if_it_is_long_enough() -> None:
    assert well_formed("an-admin-token-for-tests-0123456789")
    assert not well_formed("a" * 31)
    assert not well_formed("a" * 513)
    assert not well_formed("ä" * 40)


def test_secrets_differ_and_so_do_digests_under_other_keys() -> None:
    secret = new_secret()
    assert secret != new_secret()
    assert digest_of_secret(secret, b"one") == digest_of_secret(secret, b"one")
    assert digest_of_secret(secret, b"one") != digest_of_secret(secret, b"other")
    assert secret not in digest_of_secret(secret, b"one")


def test_a_hint_shows_little() -> None:
    assert len(hint_of(new_secret())) == 8
    assert hint_of("chosen-by-an-operator-0123456789") == "chos"


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", "churn", True),
        ("*", "*", True),
        ("churn*", "churn", True),
        ("churn*", "churn-eu*", True),
        ("churn*", "chur*", False),
        ("churn", "churn*", False),
        ("a?c", "abc", True),
        ("a?c", "a*c", False),
        ("a*c", "a?c", True),
        ("?", "*", False),
        ("a**", "a*", True),
        ("*b", "*ab", True),
        ("abc", "abd", False),
        ("a", "", False),
    ],
)
def test_one_glob_covers_another(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


@given(GLOBS, GLOBS, NAMES)
def test_no_name_escapes_a_glob_that_covers(wide: str, narrow: str, name: str) -> None:
    if covers(wide, narrow) and matches(narrow, name):
        assert matches(wide, name)


@given(GLOBS)
def test_every_glob_covers_itself_and_is_covered_by_the_star(glob: str) -> None:
    assert covers(glob, glob)
    assert covers("*", glob)


@given(NAMES, GLOBS)
def test_a_glob_covers_a_name_exactly_where_it_matches_it(name: str, glob: str) -> None:
    assert covers(glob, name) == matches(glob, name)


@pytest.mark.parametrize(
    ("scopes", "models", "wanted_scopes", "wanted_models", "expected"),
    [
        ("read", None, ["read"], None, None),
        ("review", None, ["read", "review"], None, None),
        ("read", None, ["write"], None, "the scope `write`"),
        ("write", None, ["admin"], None, "the scope `admin`"),
        ("admin", None, ["read", "write", "review", "admin"], None, None),
        ("write", ("a*",), ["write"], ["ab", "a*"], None),
        ("write", ("a*",), ["write"], ["b"], "the models `b`"),
        ("write", ("a*",), ["write"], None, "all models"),
        ("write", None, ["write"], ["b"], None),
    ],
)
def test_what_goes_beyond_a_token_is_named(
    scopes: str,
    models: tuple[str, ...] | None,
    wanted_scopes: list[str],
    wanted_models: list[str] | None,
    expected: str | None,
) -> None:
    assert beyond(frozenset({Scope(scopes)}), models, wanted_scopes, wanted_models) == expected


def test_a_token_ends_no_later_than_the_one_it_was_issued_with() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    day = timedelta(days=1)
    assert expiry(now, None, None) == (None, False)
    assert expiry(now, None, now + day) == (now + day, False)
    assert expiry(now, 2, None) == (now + 2 * day, False)
    assert expiry(now, 0.5, now + day) == (now + day / 2, False)
    assert expiry(now, 2, now + day) == (now + 2 * day, True)
