"""A running issuer, and what a process knows of issuers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.issuers.service import Issuers
from tests.oidc.issuer import Issuer, issuing


class Clock:
    """Goes where the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    with issuing(tmp_path / "issuer") as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def issuers(clock: Clock) -> AsyncIterator[Issuers]:
    """Asks again whenever a key is not known, without a pause."""
    found = Issuers(clock=clock, pause=0)
    yield found
    await found.close()
