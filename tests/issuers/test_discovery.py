"""Asking an issuer: bounded, shared, remembered, and never led elsewhere."""

import asyncio

import pytest
from joserfc.jwk import RSAKey

from app.issuers import discovery
from app.issuers.addresses import fault_of, fault_of_issuer
from app.issuers.service import BadAssertion, Issuers, IssuerUnavailable
from tests.issuers.conftest import Clock
from tests.oidc.issuer import AUDIENCE, KEYS, WELL_KNOWN, Issuer


async def counts(issuers: Issuers, issuer: Issuer, token: str | None = None) -> bool:
    await issuers.verify(token or issuer.token(), issuer.url, AUDIENCE)
    return True


async def test_an_issuer_is_asked_once_in_ten_minutes(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    assert await counts(issuers, issuer)
    clock.now += 590
    assert await counts(issuers, issuer)
    assert (issuer.asked(WELL_KNOWN), issuer.asked(KEYS)) == (1, 1)
    clock.now += 20
    assert await counts(issuers, issuer)
    assert (issuer.asked(WELL_KNOWN), issuer.asked(KEYS)) == (2, 2)


async def test_many_at_once_share_one_question(issuers: Issuers, issuer: Issuer) -> None:
    await asyncio.gather(*(counts(issuers, issuer) for _ in range(50)))
    assert issuer.asked(KEYS) == 1


async def test_a_new_key_is_found_and_the_old_one_then_refused(
    issuers: Issuers, issuer: Issuer
) -> None:
    old = issuer.token()
    assert await counts(issuers, issuer)
    issuer.rotate("second")
    assert await counts(issuers, issuer)
    with pytest.raises(BadAssertion, match="No key"):
        await counts(issuers, issuer, old)


async def test_a_key_that_takes_the_name_of_the_old_one_is_found(
    issuers: Issuers, issuer: Issuer
) -> None:
    assert await counts(issuers, issuer)
    issuer.rotate("first")
    assert await counts(issuers, issuer)


async def test_unknown_keys_make_it_ask_once_in_a_while_however_many(issuer: Issuer) -> None:
    issuers = Issuers(pause=600)
    assert await counts(issuers, issuer)
    for number in range(20):
        forged = issuer.token(header={"kid": f"made up {number}"})
        with pytest.raises(BadAssertion):
            await counts(issuers, issuer, forged)
    assert issuer.asked(KEYS) == 1
    await issuers.close()


async def test_while_the_issuer_is_down_its_last_keys_go_on_for_an_hour(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    assert await counts(issuers, issuer)
    issuer.feel("down")
    clock.now += 3500
    assert await counts(issuers, issuer)
    assert issuer.asked(WELL_KNOWN) == 2
    with pytest.raises(BadAssertion):  # a known key, and not its signature
        await counts(issuers, issuer, issuer.token() + "A" * 4)
    clock.now += 200
    with pytest.raises(IssuerUnavailable) as caught:
        await counts(issuers, issuer)
    assert caught.value.retry_after is not None
    issuer.feel("well")
    assert await counts(issuers, issuer)


async def test_a_key_that_is_new_while_the_issuer_is_down_has_to_wait(
    issuers: Issuers, issuer: Issuer
) -> None:
    assert await counts(issuers, issuer)
    issuer.rotate("second")
    issuer.feel("down")
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)


@pytest.mark.parametrize("path", [WELL_KNOWN, KEYS])
@pytest.mark.parametrize("mood", ["down", "redirect", "huge", "compressed", "garbage"])
async def test_what_no_issuer_should_answer_is_a_fault_of_the_issuer(
    issuers: Issuers, issuer: Issuer, mood: str, path: str
) -> None:
    issuer.elsewhere = issuer.url + "/elsewhere"
    issuer.feel(mood, path)
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)
    assert issuer.asked("/elsewhere") == 0


async def test_a_slow_issuer_is_not_waited_for(
    issuers: Issuers, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "SECONDS", 0.3)
    issuer.feel("slow", KEYS)
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)


async def test_nobody_listens_there(issuers: Issuers) -> None:
    with pytest.raises(IssuerUnavailable):
        await issuers.configuration("http://127.0.0.1:1")


@pytest.mark.parametrize("named", ["https://elsewhere.example", "", "{url}/", "{url}?a"])
async def test_an_issuer_that_calls_itself_otherwise_is_not_that_issuer(
    issuers: Issuers, issuer: Issuer, named: str
) -> None:
    issuer.named = named.format(url=issuer.url) or "http://127.0.0.1"
    issuer.tell()
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)


@pytest.mark.parametrize("where", ["http://192.0.2.1/keys", "file:///etc/passwd", "", "keys"])
async def test_keys_are_fetched_over_tls_or_from_this_machine_alone(
    issuers: Issuers, issuer: Issuer, where: str
) -> None:
    issuer.keys_at = where or "ftp://127.0.0.1/keys"
    issuer.tell()
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)


async def test_an_issuer_has_64_keys_at_most(issuers: Issuers, issuer: Issuer) -> None:
    key = RSAKey.generate_key(2048)
    for number in range(64):
        issuer.add(f"key {number}", key)
    with pytest.raises(IssuerUnavailable):
        await counts(issuers, issuer)


async def test_the_configuration_names_the_endpoints(issuers: Issuers, issuer: Issuer) -> None:
    found = await issuers.configuration(issuer.url)
    assert (found.issuer, found.jwks_uri) == (issuer.url, issuer.url + KEYS)
    assert found.token_endpoint == issuer.url + "/token"


@pytest.mark.parametrize(
    "url",
    [
        "https://token.actions.githubusercontent.com",
        "https://gitlab.example:8443/a/b",
        "http://127.0.0.1:80",
        "http://127.9.9.9",
        "http://[::1]:8000/x",
        "http://localhost",
    ],
)
def test_addresses_that_may_be_asked(url: str) -> None:
    assert fault_of_issuer(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://gitlab.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "https://",
        "https://a@b",
        "https://a:b@c",
        "https://a/#b",
        "https://a?b",
        "https://a\\b",
        "https://a b",
        "https://a:99999",
        "https://a:x",
        "https://[::1",
        "https://é.example",
        "ftp://127.0.0.1",
        "a",
        "",
        None,
        "https://" + "a" * 1000,
        "https://127.1",
        "https://127.0.0.1.",
        "https://0x7f000001",
        "https://0x7f.1",
        "https://2130706433",
        "https://0177.0.0.1",
        "https://127.0.0.01",
        "https://loc%61lhost",
        "https://[::1%25lo]",
        "http://0.0.0.0",
        "http://localhost.",
        "http://a.localhost",
    ],
)
def test_addresses_that_are_not_asked(url: object) -> None:
    assert fault_of_issuer(url) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_an_issuer_elsewhere_does_not_lead_to_this_machine(host: str) -> None:
    assert fault_of(f"http://{host}/keys", named_by="https://issuer.example") is not None
    assert fault_of(f"https://{host}/keys", named_by="https://issuer.example") is not None
    assert fault_of(f"http://{host}/keys", named_by="http://localhost:1") is None


@pytest.mark.parametrize(
    "host",
    [
        *("localhost.", "a.localhost", "a.LOCALHOST.", "127.9.9.9", "0.0.0.0", "[::]"),
        *("[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]"),
        *("[2002:7f00:1::]", "127.1", "2130706433", "127.0.0.1."),
    ],
)
def test_nor_in_another_spelling(host: str) -> None:
    assert fault_of(f"https://{host}/keys", named_by="https://issuer.example") is not None
    assert fault_of("https://192.0.2.1/keys", named_by="https://issuer.example") is None
    assert fault_of("https://[::ffff:192.0.2.1]/keys", named_by="https://a.example") is None
