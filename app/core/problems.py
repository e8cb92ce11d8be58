"""Errors that describe themselves (RFC 9457).

A `Problem` subclass knows its slug, title and status; the one handler in `errors.py` renders it.
`GET /problems/{slug}` shows the class's docstring, so the docstring is written for the caller.
"""

from typing import ClassVar


class Problem(Exception):
    """Something the caller can act on. Subclasses say what it means and what to do."""

    slug: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        retry_after: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        """`detail` is a sentence for a person; `errors` point into the body; `extra` adds members
        to the problem document; `retry_after` is in seconds."""
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        self.extra = extra or {}


def every_problem() -> dict[str, type[Problem]]:
    """All problems by slug, of every room that has been imported."""
    found: dict[str, type[Problem]] = {}
    waiting = list(Problem.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "slug" in kind.__dict__:
            found[kind.slug] = kind
    return dict(sorted(found.items()))


class MalformedRequest(Problem):
    """The request could not be read at all: the JSON does not parse, is not valid UTF-8, or names
    a key twice. Nothing was changed. Mend the body and send it again."""

    slug = "malformed-request"
    title = "The request could not be read"
    status = 400


class InvalidRequest(Problem):
    """The request was read, but a value in it is not allowed. Each entry of `errors` points at a
    value (`pointer`, a JSON pointer into the body, or the name of a parameter) and says what is
    wrong with it. Nothing was changed."""

    slug = "invalid-request"
    title = "A value is not allowed"
    status = 422


class NotAuthenticated(Problem):
    """No valid token came with the request. Send `Authorization: Bearer <token>`. A token may
    also have expired, been revoked, or belong to a disabled identity."""

    slug = "not-authenticated"
    title = "A valid token is needed"
    status = 401


class NotAllowed(Problem):
    """You may see this, but not do that. The detail names the role or the scope that is missing."""

    slug = "not-allowed"
    title = "You may not do that"
    status = 403


class NotFound(Problem):
    """It does not exist, or it is hidden from you; the answer is the same on purpose."""

    slug = "not-found"
    title = "Not found"
    status = 404


class MethodNotAllowed(Problem):
    """The address exists, but not with this method; the `Allow` header lists those it has."""

    slug = "method-not-allowed"
    title = "Method not allowed"
    status = 405


class Conflict(Problem):
    """The present state forbids it. The detail says which state, and what to do first."""

    slug = "conflict"
    title = "The state forbids it"
    status = 409


class StaleRevision(Problem):
    """It has changed since you read it: the `If-Match` header names an older `ETag`. Read it
    again, look at what changed, and decide anew."""

    slug = "stale-revision"
    title = "It has changed since you read it"
    status = 412


class TooLarge(Problem):
    """The body is larger than this address accepts. JSON bodies are limited to 4 MiB; files have
    no limit and are sent to the file routes."""

    slug = "too-large"
    title = "The body is too large"
    status = 413


class TooSlow(Problem):
    """The request did not come in time: 30 seconds for its line and headers, and never 60 seconds
    without a byte of its body. The connection was closed. Send it again; an upload goes on where
    it was."""

    slug = "too-slow"
    title = "The request came too slowly"
    status = 408


class AddressTooLong(Problem):
    """The path and the query of the request have more than 8 KiB. Ask for less at once."""

    slug = "address-too-long"
    title = "The address is too long"
    status = 414


class HeadTooLarge(Problem):
    """The line and the headers of the request have more than 64 KiB, or there are more than 100
    headers. A token and the headers of this API need a few hundred bytes; look at what your client
    or a proxy adds."""

    slug = "head-too-large"
    title = "The headers are too large"
    status = 431


class TooManyRequests(Problem):
    """Too much was asked within this minute: by this token, or by an address that came too often
    without a valid one. Wait for the time in `Retry-After` (seconds) and send the request again.
    Limits are counted over all processes, by the minute."""

    slug = "too-many-requests"
    title = "Too many requests"
    status = 429


class InternalError(Problem):
    """The server failed. The cause is in its log under the `request_id` of this answer; the
    change, if one was asked for, was not made."""

    slug = "internal-error"
    title = "The server failed"
    status = 500


class Unavailable(Problem):
    """PostgreSQL or the blob store cannot be reached at this moment. Nothing was half-done: wait
    for the time in `Retry-After` and send the request again."""

    slug = "unavailable"
    title = "Not available at this moment"
    status = 503


_by_constraint: dict[str, tuple[type[Problem], str]] = {}


def on_violation(constraint: str, problem: type[Problem], detail: str) -> None:
    """Say which problem a violated constraint is to the caller (rooms call this on import)."""
    _by_constraint[constraint] = (problem, detail)


def problem_for_constraint(constraint: str | None) -> Problem | None:
    """The problem that was registered for a constraint's name, if any."""
    if constraint is None or constraint not in _by_constraint:
        return None
    problem, detail = _by_constraint[constraint]
    return problem(detail)
