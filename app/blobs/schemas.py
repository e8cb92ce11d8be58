"""What answers about the store look like."""

from pydantic import Field

from app.core.schemas import Output, Time


class StorageReport(Output):
    """What all blobs take, and what storing equal bytes once saves. Bytes on their way (uploads
    that are not proven yet) are not counted."""

    logical_bytes: int = Field(
        description="The bytes of all files of all versions, each counted as often as it stands in "
        "one.",
        examples=[52_613_349_376],
    )
    stored_bytes: int = Field(
        description="The bytes of all blobs: what the store holds, equal bytes once.",
        examples=[1_342_177_280],
    )
    saved_bytes: int = Field(
        description="What storing equal bytes once saves: `logical_bytes` less the bytes of those "
        "blobs that files point at.",
        examples=[51_405_389_824],
    )
    unreferenced_bytes: int = Field(
        description="The bytes of blobs that no file points at any more. They are freed a day "
        "after the last one did.",
        examples=[134_217_728],
    )
    blobs: int = Field(description="How many blobs are stored.", examples=[218])
    unreferenced_blobs: int = Field(
        description="How many of them no file points at any more.", examples=[3]
    )
    damaged_blobs: int = Field(
        description="How many were missing, truncated or altered when they were last looked at. "
        "`python -m app doctor` says which, and which versions name them.",
        examples=[0],
    )
    oldest_check_at: Time | None = Field(
        description="When that blob that was looked at longest ago, of those that files point at, "
        "was last proven or read again; null where there is none."
    )
