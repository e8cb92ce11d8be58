"""Rows to search."""

from typing import Any

import psycopg
import pytest

from tests.actors import Api
from tests.search.naive import Row
from tests.search.rows import make_rows


@pytest.fixture
async def rows(admin: Api, sql: psycopg.AsyncConnection[Any]) -> list[Row]:
    """Versions of every sort, as the API shows them."""
    return await make_rows(admin, sql)
