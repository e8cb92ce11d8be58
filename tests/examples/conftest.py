"""The examples, imported as their readers run them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))


@pytest.fixture(scope="session")
def demo() -> ModuleType:
    import demo

    return demo


@pytest.fixture(scope="session")
def train() -> ModuleType:
    import train

    return train


@pytest.fixture(scope="session")
def server(demo: ModuleType) -> Iterator[tuple[str, str]]:
    """The address of a server of its own process, and its admin's token."""
    with demo.fresh_server() as found:
        yield found
