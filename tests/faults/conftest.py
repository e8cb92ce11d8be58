"""Fixtures of the tests that kill."""

from tests.servers import start

__all__ = ["start"]
