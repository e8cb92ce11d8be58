"""What the S3 servers add to pytest: `--store`, `--s3-server`, and fixtures.

`--store s3` runs every test of the service with its blobs in S3. Tests that have no store are left
out then, and so are those that are marked as being for one, or that have a parameter for each: they
are the same with every `--store`, and run without it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.s3 import ceph, swift
from tests.s3.desk import Desk, ask
from tests.s3.server import S3Server, StoreSettings

STARTS = {"swift": swift.start, "ceph": ceph.start}
STORES = {"local", "s3"}
DESK = pytest.StashKey[Desk]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stageward")
    group.addoption("--store", choices=sorted(STORES), default="local", help="where blobs are")
    group.addoption("--s3-server", choices=list(STARTS), default="swift", help="which S3 server")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local_store: is for the store in a directory")
    config.addinivalue_line("markers", "s3_store: is for S3, whatever --store says")
    if not hasattr(config, "workerinput") and S3Server.named() is None:
        config.stash[DESK] = Desk(STARTS[config.getoption("s3_server")])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of xdist's where to ask."""
    if DESK in node.config.stash:
        node.workerinput["s3_desk"] = node.config.stash[DESK].place


def pytest_unconfigure(config: pytest.Config) -> None:
    if DESK in config.stash:
        config.stash[DESK].close()
        del config.stash[DESK]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("store") == "local":
        return
    config.hook.pytest_deselected(items=[item for item in items if not _depends(item)])
    items[:] = [item for item in items if _depends(item)]


def _depends(item: pytest.Item) -> bool:
    """Whether it is another test with another store."""
    is_for_one = item.get_closest_marker("local_store") or item.get_closest_marker("s3_store")
    given = getattr(item, "callspec", None)
    is_for_each = given is not None and not STORES.isdisjoint(map(str, given.params.values()))
    return "store_kind" in getattr(item, "fixturenames", ()) and not (is_for_one or is_for_each)


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> Iterator[S3Server]:
    """The S3 server of this run; its buckets are the test's own."""
    server = S3Server.named() or (
        ask(pytestconfig.workerinput["s3_desk"])
        if hasattr(pytestconfig, "workerinput")
        else pytestconfig.stash[DESK].server()
    )
    if isinstance(server, str):
        pytest.fail(server, pytrace=False)
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """An empty bucket of this test's own."""
    return s3_server.new_bucket()


@pytest.fixture(scope="session")
def store_kind(pytestconfig: pytest.Config) -> str:
    """What `--store` says."""
    return str(pytestconfig.getoption("store"))


@pytest.fixture(scope="session")
def store_settings(request: pytest.FixtureRequest) -> StoreSettings:
    """Makes settings for a new empty store of the kind asked for."""

    def new(store: str) -> dict[str, str]:
        if store == "local":
            return {}
        server: S3Server = request.getfixturevalue("s3_server")
        return server.settings(server.new_bucket())

    return new
