"""The path of a file in a version, and the body that is a file."""

from typing import Annotated

from fastapi import Path, Request

from app.core.problems import InvalidRequest, MalformedRequest
from app.files.rules import check_path


async def checked_path(
    path: Annotated[
        str,
        Path(
            description="The file's path in the version: relative, `/` between folders, no empty, "
            "`.` or `..` segment, at most 1,024 bytes.",
            examples=["model/weights.safetensors"],
        ),
    ],
) -> str:
    """The path in the address, or the problem with it."""
    try:
        return check_path(path)
    except ValueError as error:
        raise InvalidRequest(
            f"The path of a file {error}.",
            errors=[{"pointer": "path", "detail": f"The path of a file {error}."}],
        ) from error


async def whole_body(request: Request) -> None:
    """Refuse a body that is not simply the file: its name must not get other bytes."""
    if "content-range" in request.headers:
        raise MalformedRequest(
            "Content-Range says that this is a piece of the file, and a PUT takes the whole file. "
            "Send all of it, or begin an upload: its parts can be sent one by one and resumed."
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _not_the_file(
            "Content-Encoding", "Send the bytes as they are, without a content encoding."
        )
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise _not_the_file(
            "Content-Type",
            "Send the file itself as the body, not a form that holds it: `curl -T`, not `-F`.",
        )


def _not_the_file(header: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"pointer": header, "detail": detail}])
