"""Processes of one service, each with settings of its own."""

from tests.limits.conftest import process

__all__ = ["process"]
