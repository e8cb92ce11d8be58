"""Who may ask for a sign-in, and where it may lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.signin import rules
from app.signin.rules import DOCS, TERMINAL, Refusal, may_redirect

BASE = "https://stageward.example.org"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1",
        "http://127.0.0.1/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:65535/a/b%20c",
        "http://[::1]:8765/back",
        "http://localhost:8765",
    ],
)
def test_a_program_on_the_persons_machine_may_be_answered(address: str) -> None:
    assert may_redirect(TERMINAL, address, BASE)
    assert not may_redirect(DOCS, address, BASE)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "http://evil.example.org/",
        "https://127.0.0.1:8765/",
        "http://127.0.0.1:8765@evil.example.org/",
        "http://127.0.0.1@evil.example.org/",
        "http://user@127.0.0.1:8765/",
        "http://user:pass@127.0.0.1/",
        "http://127.0.0.1.evil.example.org/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://127.0.0.2/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://localhost./",
        "http://localhost.evil.example.org/",
        "http://LOCALHOST:1/",
        "HTTP://127.0.0.1:1/",
        "http://[::1%25eth0]:1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://127.0.0.1:8765/#x",
        "http://127.0.0.1:8765/?x=1",
        "http://127.0.0.1:8765#@evil.example.org/",
        "http://127.0.0.1:8765?@evil.example.org/",
        "http://127.0.0.1:8765\\@evil.example.org/",
        "http://127.0.0.1:8765/\\evil",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1: 1/",
        "http://127.0.0.1:٣٣٣٣/",
        "http://127.0.0.1:/",
        "http://127.0.0.1:8765/\r\nSet-Cookie: a=b",
        "http://127.0.0.1:8765/\n",
        " http://127.0.0.1:8765/",
        "http://127.0.0.1:8765/%zz",
        "http://127.0.0.1:8765/é",
        "http:/127.0.0.1/",
        "http:127.0.0.1/",
        "//127.0.0.1/",
        "javascript:alert(1)//http://127.0.0.1/",
        "com.example.app:/back",
        "http://127.0.0.1/" + "a" * 500,
        f"{BASE}/docs/signed-in",
    ],
)
def test_nothing_else_is_the_persons_machine(address: str | None) -> None:
    assert not may_redirect(TERMINAL, address, BASE)


@pytest.mark.parametrize("end", ["", "/", "?", "#", "/../x", "%00", "\n", "/signed-in"])
def test_the_docs_are_answered_at_exactly_one_address(end: str) -> None:
    assert may_redirect(DOCS, f"{BASE}/docs/signed-in{end}", BASE) == (end == "")
    assert not may_redirect(DOCS, f"{BASE}.evil.org/docs/signed-in{end}", BASE)
    assert not may_redirect(DOCS, f"{BASE.upper()}/docs/signed-in", BASE)
    assert not may_redirect("another", f"{BASE}/docs/signed-in", BASE)
    assert not may_redirect(None, "http://127.0.0.1/", BASE)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8400", "http://localhost:8400"])
def test_the_docs_of_a_server_on_loopback_are_not_a_program(base: str) -> None:
    docs, program = f"{base}/docs/signed-in", f"{base}/docs/other"
    assert may_redirect(DOCS, docs, base)
    assert not may_redirect(TERMINAL, docs, base)
    assert not may_redirect(DOCS, program, base)
    assert may_redirect(TERMINAL, program, base)
    assert rules.client_of(docs, base) == DOCS
    assert rules.client_of(program, base) == TERMINAL


@given(st.text(max_size=60))
def test_whatever_follows_the_host_it_stays_the_host(tail: str) -> None:
    """What is allowed leads to this machine, read by whatever reads addresses."""
    address = f"http://127.0.0.1{tail}"
    if may_redirect(TERMINAL, address, BASE):
        from urllib.parse import urlsplit

        import httpx

        assert urlsplit(address).hostname == httpx.URL(address).host == "127.0.0.1"
        assert urlsplit(address).username is None
        assert not urlsplit(address).fragment


GOOD = {"response_type": "code", "code_challenge_method": "S256", "code_challenge": "c" * 43}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "c" * 42}, "invalid_request"),
        ({"code_challenge": "c" * 44}, "invalid_request"),
        ({"code_challenge": "c" * 42 + "="}, "invalid_request"),
        ({"code_challenge": "c" * 43 + "\n"}, "invalid_request"),
        ({"code_challenge": "é" * 43}, "invalid_request"),
        ({"state": "s" * 513}, "invalid_request"),
        ({"state": "a\r\nb"}, "invalid_request"),
        ({"state": "é"}, "invalid_request"),
    ],
)
def test_another_flow_is_refused(changes: dict[str, str], error: str) -> None:
    rules.check_request({**GOOD, "state": "s" * 512})
    with pytest.raises(Refusal) as refused:
        rules.check_request({**GOOD, **changes})
    assert refused.value.error == error


def test_scopes_are_those_asked_and_admin_only_where_it_is() -> None:
    assert rules.scopes_asked(None) == rules.scopes_asked("") == ["read", "review", "write"]
    assert rules.scopes_asked("admin  read") == ["admin", "read"]
    with pytest.raises(Refusal) as refused:
        rules.scopes_asked("read everything")
    assert refused.value.error == "invalid_scope"


@given(st.text())
def test_a_description_holds_what_oauth_lets_it_hold(text: str) -> None:
    assert all(0x20 <= ord(c) <= 0x7E and c not in '"\\' for c in rules.speakable(text))


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("alice", "alice"),
        ("Ålice Müller", "Alice-Muller"),
        ("alice@example.org", "alice@example.org"),
        ("CORP\\alice", "CORP-alice"),
        ("../../etc", "etc"),
        ("  x  ", "x"),
        ("日本", None),
        ("", None),
        ("---", None),
        (None, None),
        (["alice"], None),
        ("a" * 200, "a" * 128),
        ("a\0b", "a-b"),
    ],
)
def test_a_claim_becomes_a_name(claim: object, name: str | None) -> None:
    assert rules.name_from(claim) == name


@given(st.text())
def test_what_becomes_of_a_claim_is_a_name_or_nothing(claim: str) -> None:
    name = rules.name_from(claim)
    assert name is None or (name.isascii() and 1 <= len(name) <= 128 and name[0].isalnum())


@pytest.mark.parametrize(
    ("claims", "email", "groups"),
    [
        ({"email": "a@b.org", "email_verified": True}, "a@b.org", None),
        ({"email": "a@b.org", "email_verified": "true"}, "a@b.org", None),
        ({"email": "a@b.org", "email_verified": "false"}, None, None),
        ({"email": "a@b.org", "email_verified": 1}, None, None),
        ({"email": "a@b.org"}, None, None),
        ({"email": "a b@b.org", "email_verified": True}, None, None),
        ({"email": ["a@b.org"], "email_verified": True}, None, None),
        ({"groups": ["a", 1, None, "b"]}, None, {"a", "b"}),
        ({"groups": "a"}, None, {"a"}),
        ({"groups": []}, None, set()),
        ({"groups": {"a": 1}}, None, None),
    ],
)
def test_claims_are_read_with_care(
    claims: dict[str, object], email: str | None, groups: set[str] | None
) -> None:
    found = rules.person({"sub": "s", **claims}, "i", "preferred_username", "groups")
    assert (found.email, found.groups) == (email, groups)


@pytest.mark.parametrize("sub", [None, "", 7, "s" * 256, "a\0b"])
def test_a_token_without_a_subject_is_nobodys(sub: object) -> None:
    with pytest.raises(Refusal):
        rules.person({"sub": sub}, "i", "preferred_username", "groups")


def test_an_address_and_whether_it_is_verified_come_from_one_place() -> None:
    told = {"sub": "s", "email": "other@b.org", "email_verified": True, "groups": ["a"]}
    found = rules.completed({"sub": "s", "email": "a@b.org"}, 200, told)
    assert "email_verified" not in found
    assert (found["email"], found["groups"]) == ("a@b.org", ["a"])
    assert (
        rules.completed({"sub": "s", "email_verified": True}, 200, {"sub": "s", "email": "x@y.z"})[
            "email"
        ]
        == "x@y.z"
    )
    assert "email_verified" not in rules.completed(
        {"sub": "s", "email_verified": True}, 200, {"sub": "s", "email": "x@y.z"}
    )
    for status, sub in ((200, "another"), (401, "s")):
        with pytest.raises(Refusal):
            rules.completed({"sub": "s"}, status, {"sub": sub})
