"""ETags from row revisions, and the two conditions of HTTP on them."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Response

from app.core.canonical import sha256_hex
from app.core.problems import StaleRevision


def etag(*revision: int) -> str:
    """The ETag of a revision (of several rows, where one answer shows several)."""
    return '"r' + ".".join(str(r) for r in revision) + '"'


def etag_of_bytes(content: bytes) -> str:
    """The ETag of what is put together from many rows: of the bytes themselves."""
    return f'"{sha256_hex(content)}"'


def _listed(header: str) -> set[str]:
    return {part.strip().removeprefix("W/") for part in header.split(",") if part.strip()}


def since_redaction(redaction_id: UUID | None) -> tuple[int, ...]:
    """What a redaction adds to the revision of a row that nothing else rewrites, so that nobody
    keeps a copy of what was removed."""
    return () if redaction_id is None else (redaction_id.int,)


IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="The `ETag` that you have: where it is still this one, the answer is a 304 "
        "without a body.",
    ),
]


def not_modified(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` says that the caller has this already (then answer 304)."""
    return header is not None and (header.strip() == "*" or tag in _listed(header))


IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="Act only if the `ETag` is still this one; else a 412."),
]


def check_if_match(header: str | None, tag: str) -> None:
    """Refuse a change whose `If-Match` names an older revision. Call it under the row's lock."""
    if header is not None and header.strip() != "*" and tag not in _listed(header):
        raise StaleRevision(
            f"It is now at {tag}, and If-Match names {header[:200]}. Read it again, look at what "
            "changed, and send the request with the new ETag."
        )


def answer(if_none_match: str | None, response: Response, tag: str) -> Response | None:
    """Set the ETag; a 304 to send instead of the body, where the caller has it already."""
    response.headers["ETag"] = tag
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return None


def document(
    if_none_match: str | None, content: bytes, *, media_type: str, headers: dict[str, str]
) -> Response:
    """A document with the ETag of its bytes; a 304 where the caller has it already."""
    tag = etag_of_bytes(content)
    headers = {**headers, "ETag": tag}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
