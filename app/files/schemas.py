"""What requests and answers about files look like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.schemas import Digest, Input
from app.files.rules import check_path
from app.versions.schemas import VersionInput

MAX_FILE_BYTES = 5 * 1024**4
FilePath = Annotated[
    str,
    AfterValidator(check_path),
    Field(
        description="Relative, with `/` between folders; at most 1,024 bytes.",
        examples=["model/weights.safetensors"],
    ),
]
MediaType = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(;[ -~]{0,100})?$",
        examples=["application/octet-stream"],
    ),
]


class DeclaredFile(Input):
    """A file that a version is to have."""

    path: FilePath
    size: int = Field(ge=0, le=MAX_FILE_BYTES, description="In bytes.", examples=[48211])
    sha256: Digest = Field(description="The SHA-256 of its bytes.")
    media_type: MediaType | None = Field(default=None, description="Its media type.")


class VersionRegistration(VersionInput):
    """A version to register, with the files that it is to have."""

    files: list[DeclaredFile] = Field(
        default_factory=list,
        max_length=10_000,
        description="Files that it is to have. Bytes that are stored already, in a version that "
        "you can read, are attached at once; the others are to be sent.",
    )
    finalize: bool = Field(
        default=False, description="Make it ready at once; a 409 where bytes are missing."
    )
