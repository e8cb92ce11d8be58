"""Who asks where proxies stand in between: only the operator's are believed."""

import ipaddress

import pytest

from app.core.proxies import Address, address, client_of, networks

TRUSTED = networks("10.0.0.0/8, 2001:db8:1::/48,127.0.0.1")


def ip(text: str) -> Address:
    return ipaddress.ip_address(text)


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("", "10.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.3, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443, 2001:db8:1::5", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.9,, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.7, _hidden", "10.0.0.1"),
        ("192.0.2.7, " + "9" * 500, "10.0.0.1"),
        ("192.0.2.7" + ", 10.0.0.2" * 40, "10.0.0.2"),
    ],
)
def test_the_nearest_address_that_is_no_proxys_is_the_clients(said: str, client: str) -> None:
    assert client_of(said.split(","), ip("10.0.0.1"), TRUSTED) == ip(client)


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.256", "[::1", "1.2.3.4.5", "::g", "[]"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert address(text) is None
