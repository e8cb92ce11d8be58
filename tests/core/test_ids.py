"""Identifiers that arrive in order."""

from uuid import UUID

from app.core.ids import id_after, new_id


def test_an_id_is_greater_than_the_one_before_even_where_that_is_ahead_of_the_clock() -> None:
    ahead = UUID(int=(new_id().int >> 80 << 80) + (1 << 100))
    assert id_after(ahead) == UUID(int=ahead.int + 1)
    assert id_after(None) < ahead
    last = new_id()
    assert id_after(last) > last
