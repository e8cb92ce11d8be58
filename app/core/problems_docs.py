"""Problems in the OpenAPI document: one entry per status, one named example per problem."""

from typing import Any

from pydantic import BaseModel, Field

from app.core.problems import (
    AddressTooLong,
    InternalError,
    InvalidRequest,
    MalformedRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    TooLarge,
    TooManyRequests,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}
_EXAMPLE_REQUEST_ID = "0198f2a6b4f07c3e9d1a5b7c2e4f6a80"


class InvalidValue(BaseModel):
    """One value of the request that is not allowed."""

    pointer: str = Field(
        description="A JSON pointer (RFC 6901) into the body, or the name of a parameter.",
        examples=["/metrics/auc"],
    )
    detail: str = Field(
        description="What is wrong with it, and what would be right.",
        examples=["Must be a finite number: NaN and infinities are not allowed."],
    )


class ProblemDocument(BaseModel):
    """An error (RFC 9457). Some problems add members of their own; their pages say which."""

    type: str = Field(
        description="The address of a page that explains this kind of problem.",
        examples=["/problems/not-found"],
    )
    title: str = Field(description="The kind of problem, in a few words.", examples=["Not found"])
    status: int = Field(description="The HTTP status, again.", examples=[404])
    detail: str = Field(
        description="What happened here and what to do about it.",
        examples=["There is no model named 'churn'."],
    )
    instance: str = Field(description="The path that was asked for.", examples=["/api/v1/models"])
    request_id: str = Field(
        description="The id of this request, also in `X-Request-ID` and in the server's log.",
        examples=[_EXAMPLE_REQUEST_ID],
    )
    errors: list[InvalidValue] | None = Field(
        default=None, description="Which values are not allowed; only with a 422."
    )


def responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """For FastAPI's `responses=`: these problems, those of one status together."""
    found: dict[int | str, dict[str, Any]] = {}
    for problem in sorted(set(problems), key=lambda kind: (kind.status, kind.slug)):
        entry = found.setdefault(problem.status, _entry())
        content = entry["content"][MEDIA_TYPE]
        content["examples"][problem.slug] = _example(problem)
        if problem.status in (TooManyRequests.status, Unavailable.status):
            entry["headers"] = {"Retry-After": _RETRY_AFTER}
        entry["description"] = "; ".join(
            example["summary"] for example in content["examples"].values()
        )
    return found


def common() -> tuple[type[Problem], ...]:
    """What any address under /api/v1 may answer, whatever it does."""
    return (
        NotAuthenticated,
        NotAllowed,
        NotFound,
        AddressTooLong,
        InvalidRequest,
        TooManyRequests,
        InternalError,
        Unavailable,
    )


def common_with_body() -> tuple[type[Problem], ...]:
    """What any address that takes a JSON body may answer besides."""
    return (MalformedRequest, TooLarge)


def problems(*more: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The common problems and these."""
    return responses(*common(), *more)


_RETRY_AFTER = {
    "description": "Seconds to wait before the request is sent again.",
    "schema": {"type": "integer"},
}


def _entry() -> dict[str, Any]:
    return {"description": "", "content": {MEDIA_TYPE: {"schema": SCHEMA, "examples": {}}}}


def _example(problem: type[Problem]) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": example_detail(problem),
        "instance": "/api/v1/models/churn",
        "request_id": _EXAMPLE_REQUEST_ID,
    }
    if problem.status == InvalidRequest.status:
        pointed = {"pointer": "/name", "detail": "The text must have at least 1 character."}
        value["errors"] = [pointed]
    return {"summary": problem.title, "value": value}


def explanation(problem: type[Problem]) -> str:
    """What the problem's docstring tells the caller, on one line a paragraph."""
    paragraphs = (problem.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def example_detail(problem: type[Problem]) -> str:
    """A detail to show: the problem's own `example`, or the first sentence of its docstring."""
    own: str | None = getattr(problem, "example", None)
    return own or explanation(problem).split(". ")[0].rstrip(".") + "."
