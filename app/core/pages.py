"""Keyset pages: a cursor names the last row that was seen, so order is stable while rows are added
and the cost of a page does not grow with the table."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from app.core.problems import InvalidRequest

T = TypeVar("T")
MAX_CURSOR = 4000  # a path of 1,024 bytes, escaped and encoded

Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most, 1 to 200.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR,
        description="`next_cursor` of the page before; leave out for the first.",
    ),
]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="The items, in a stable order.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` for the next page; null on the last one.",
        examples=["WyJjaHVybiJd"],
    )


def encode_cursor(*key: object) -> str:
    """The opaque text of a row's sort key."""
    raw = json.dumps(
        [str(k) if k is not None else None for k in key], separators=(",", ":"), ensure_ascii=False
    )
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, parts: int, parameter: str = "cursor") -> list[str] | None:
    """The sort key in a cursor of so many parts; None where there is no cursor."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise bad_cursor(parameter) from error
    if not isinstance(key, list) or len(key) != parts or not all(map(_storable, key)):
        raise bad_cursor(parameter)
    return key


def _storable(part: object) -> bool:
    """Whether PostgreSQL can hold it as text: no NUL, no half of a surrogate pair."""
    return isinstance(part, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in part)


def cursor_id(cursor: str | None) -> UUID | None:
    """The id in the cursor of a list that is in the order of its rows' ids."""
    key = decode_cursor(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (TypeError, ValueError) as error:
        raise bad_cursor() from error


def bad_cursor(parameter: str = "cursor") -> InvalidRequest:
    """The problem with a cursor that this list never gave."""
    detail = f"Pass `next_{parameter}` of the page before unchanged, or leave it out."
    return InvalidRequest(
        f"`{parameter}` is not one that this list gave.",
        errors=[{"pointer": parameter, "detail": detail}],
    )


def cut(rows: Sequence[Any], limit: int) -> tuple[list[Any], bool]:
    """The rows of this page, of `limit + 1` that were asked for, and whether there are more."""
    return list(rows[:limit]), len(rows) > limit


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Set the `Link` header to the next page, where there is one."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
