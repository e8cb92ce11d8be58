"""What answers about tensors look like."""

from typing import Literal

from pydantic import Field

from app.core.pages import Page
from app.core.schemas import Output

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class TensorOutput(Output):
    """One tensor of a file."""

    name: str = Field(description="Its name.", examples=["encoder.layer.0.weight"])
    dtype: str = Field(description="The type of its numbers.", examples=["F32"])
    shape: list[int] = Field(description="Its dimensions; empty for one number.", examples=[[64]])
    start: int = Field(description="Where its bytes begin in the file.", examples=[1024])
    stop: int = Field(description="Where they end, exclusive.", examples=[1280])
    sha256: str | None = Field(
        description="The SHA-256 of its bytes; null until they were hashed.", examples=[SHA]
    )


class TensorsOutput(Page[TensorOutput]):
    """The tensors of a file, and what its header says."""

    path: str = Field(description="The file's path.", examples=["model/weights.safetensors"])
    sha256: str = Field(description="The SHA-256 of the file.", examples=[SHA])
    status: Literal["pending", "read", "unreadable"] = Field(
        description="`pending` until a job has read the header, seconds after the file was "
        "attached.",
        examples=["read"],
    )
    reason: str | None = Field(
        description="Why the header is not believed; null where it is.",
        examples=["The bytes of the tensors overlap, or there are gaps between them."],
    )
    hashed: bool = Field(description="Whether every tensor has its digest by now.", examples=[True])
    tensors_count: int = Field(description="How many tensors there are.", examples=[199])
    parameters: int = Field(description="How many numbers they hold.", examples=[109482240])
    metadata: dict[str, str] = Field(
        description="The header's own metadata, text to text, up to 64 KiB.",
        examples=[{"format": "pt"}],
    )
    metadata_left_out: int = Field(
        description="How many entries of the metadata were too much to keep.", examples=[0]
    )
