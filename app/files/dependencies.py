"""The path of a file in a version."""

from typing import Annotated

from fastapi import Path

from app.core.problems import InvalidRequest
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
