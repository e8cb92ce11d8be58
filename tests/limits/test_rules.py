"""Which addresses count as one, and how long to wait."""

import pytest

from app.limits.rules import counted_as, seconds_to_wait


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_an_address_counts_as_itself_or_as_its_network(address: str | None, counted: str) -> None:
    assert counted_as(address) == counted


@pytest.mark.parametrize(
    ("left", "seconds"), [(59.2, 60), (60.0, 60), (0.01, 1), (-3.0, 1), (61.0, 60), (1.0, 1)]
)
def test_who_waits_waits_until_the_minute_is_over(left: float, seconds: int) -> None:
    assert seconds_to_wait(left) == seconds
