"""Fixtures of the tests that kill, and that break the way to the store."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from tests.faults.racing import Ring, two_servers
from tests.faults.sending import TOKEN, Sender, Sends
from tests.s3.proxy import Proxy
from tests.s3.server import S3Server, StoreSettings
from tests.servers import Server, serving, start

__all__ = ["start"]

NUMBERS = count(1)


@pytest.fixture
def sends() -> Iterator[Sends]:
    """Makes somebody who sends a file of a size, to a model of their own."""
    made: list[Sender] = []

    def new(size: int) -> Sender:
        made.append(Sender(f"churn-{next(NUMBERS)}", size))
        return made[-1]

    yield new
    for sender in made:
        sender.close()


@dataclass
class Service:
    """A server that keeps its blobs in S3, and the way there; whoever breaks that mends it."""

    url: str
    server: Server
    proxy: Proxy


@pytest.fixture(scope="session")
def service(
    s3_server: S3Server, store_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """For the tests that do not kill it, which share it."""
    folder = tmp_path_factory.mktemp("service")
    with Proxy(s3_server.endpoint) as proxy, serving(folder, "s3", store_settings) as start:
        server = start(s3_endpoint=proxy.endpoint, admin_token=TOKEN)
        yield Service(server.url, server, proxy)


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    """The way to the S3 server, for servers and clients: it can be broken."""
    with Proxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="session")
async def ring(
    store_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ring]:
    """Two servers over one database, which all races share."""
    async with two_servers(tmp_path_factory.mktemp("ring"), store_settings) as ring:
        yield ring
