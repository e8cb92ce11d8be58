"""What requests and answers about files look like."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.blobs.rules import MEDIA_TYPE
from app.core.schemas import Digest, Input, Output, Time
from app.files.rules import check_path
from app.versions.schemas import RecalledOutput, VersionInput

MAX_FILE_BYTES = 5 * 1024**4
MAX_MEDIA_TYPE = 500
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
        pattern=f"^{MEDIA_TYPE.pattern}$",
        max_length=MAX_MEDIA_TYPE,
        examples=["application/octet-stream"],
    ),
]
SHA = "6a1f5c0d0b3e4f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a"


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


class FileToUpload(DeclaredFile):
    """A file to send in parts."""

    part_sha256: list[Digest] | None = Field(
        default=None,
        max_length=10_000,
        description="The SHA-256 of each part, in order: then a part that was altered on its way "
        "is refused at once. The first answer tells the size of the parts; ask again with these.",
    )


class UploadsInput(Input):
    """The files to send."""

    files: list[FileToUpload] = Field(
        min_length=1, max_length=1000, description="1 to 1,000 files of one version."
    )


class PartOutput(Output):
    """One part, and the signed request that sends it."""

    number: int = Field(description="From 1 on.", examples=[1])
    offset: int = Field(description="Where in the file it begins, in bytes.", examples=[0])
    size: int = Field(description="How many bytes it has, exactly.", examples=[48211])
    url: str = Field(
        repr=False,
        description="Where to PUT the part's bytes, without a token.",
        examples=["http://127.0.0.1:8000/api/v1/transfer/uploads/…/parts/1?…&signature=…"],
    )
    headers: dict[str, str] = Field(description="Headers to send with it.", examples=[{}])
    uploaded: bool = Field(description="Whether it has arrived whole already.")


class UploadOutput(Output):
    """Bytes on their way to a path."""

    id: UUID = Field(description="The upload.", examples=["01a20759-3b1f-7cc2-9d3e-5a6b7c8d9e0f"])
    path: str = Field(description="The path in the version.", examples=["weights.safetensors"])
    status: Literal["present", "required"] = Field(
        description="`present`: the file is attached already, nothing is to be sent. `required`: "
        "send the parts that are not `uploaded`, then complete."
    )
    parts: list[PartOutput] = Field(
        description="All parts, in order; none where it is present, or where all has arrived and "
        "is being proven: then only complete it."
    )
    expires_at: Time | None = Field(
        description="When the links end; ask again for fresh ones. Null where there are no links."
    )
    kept_until: Time | None = Field(
        description="Until when an unfinished upload is kept. Null where it is present."
    )


class UploadsOutput(Output):
    """The uploads, in the order of the files that were named."""

    uploads: list[UploadOutput] = Field(description="One for each file.")


class CompletedOutput(Output):
    """That an upload is complete."""

    verified: bool = Field(
        description="Whether the bytes are proven and the file is attached; else proof follows "
        "while the version is `verifying`."
    )


class FileOutput(Output):
    """A file of a version."""

    path: str = Field(description="The path in the version.", examples=["weights.safetensors"])
    size: int = Field(description="In bytes.", examples=[48211])
    sha256: str = Field(description="The SHA-256 of its bytes, proven.", examples=[SHA])
    media_type: str = Field(description="Its media type.", examples=["application/octet-stream"])


class ManifestFile(FileOutput):
    """A file of a version, and a signed link to its bytes."""

    url: str = Field(
        repr=False,
        description="A signed link to the bytes, good without a token.",
        examples=["http://127.0.0.1:8000/api/v1/transfer/blobs/6a1f…?…&signature=…"],
    )
    expires_at: Time = Field(description="When the link ends.")


class ManifestOutput(Output):
    """All that a consumer of a version needs."""

    model: str = Field(description="The model's name.", examples=["churn"])
    number: int = Field(description="The version's number.", examples=[3])
    manifest_sha256: str | None = Field(
        description="SHA-256 over the lines `{sha256}  {path}`, each ended by a newline, sorted by "
        "path: what `sha256sum` prints. Null until the version is ready.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    recalled: RecalledOutput | None = Field(
        description="Set where the version is not to be used any more."
    )
    files: list[ManifestFile] = Field(description="Its files, by path.")
