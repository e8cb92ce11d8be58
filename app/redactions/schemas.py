"""What requests and answers about redactions look like."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from app.core.schemas import Input, Output, Reason, Time
from app.redactions.rules import SHORTEST


def _storable(value: SecretStr) -> SecretStr:
    found = value.get_secret_value()
    if "\0" in found:
        raise ValueError("must not hold a NUL character: no text that is kept here does")
    if len(found.strip()) < SHORTEST:
        raise ValueError(f"must have at least {SHORTEST} characters, not counting space around it")
    return value


class RedactionInput(Input):
    """A text to remove."""

    text: Annotated[SecretStr, AfterValidator(_storable)] = Field(
        min_length=SHORTEST,
        max_length=10_000,
        description="The text, to the letter: 8 to 10,000 characters. It is found wherever it is a "
        "part of a text, a key or a name. It is not kept, not logged and not shown again.",
        examples=["correct-horse-battery-staple"],
    )
    reason: Reason = Field(
        description="Why, for the record; it must not hold the text.",
        examples=["A database password in a description."],
    )
    dry_run: bool = Field(
        default=False, description="Only say what would be found; nothing changes."
    )


class PlaceOutput(Output):
    """A place where the text stood."""

    place: str = Field(description="The table and its column.", examples=["versions.description"])
    rows: int = Field(description="In how many rows.", examples=[1])


class LeftOutput(PlaceOutput):
    """A place where the text still stands."""

    how: str = Field(
        description="Why, and what gets rid of it.",
        examples=["The path of a file of a ready version is part of its manifest. …"],
    )


class RedactionOutput(Output):
    """A text that was removed, or would be."""

    id: UUID | None = Field(
        description="The redaction; null for a dry run.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a90"],
    )
    marker: str | None = Field(
        description="What stands in the place of the text; null for a dry run.",
        examples=["redacted-5b7c2e4f6a90"],
    )
    reason: str = Field(description="Why.", examples=["A database password in a description."])
    by: str = Field(description="Who asked for it.", examples=["admin"])
    at: Time | None = Field(description="When; null for a dry run.")
    places: list[PlaceOutput] = Field(
        description="Where the text stood, but for events; nowhere, where this is empty."
    )
    events: int = Field(description="How many events were rewritten.", examples=[2])
    left: list[LeftOutput] = Field(description="Where it still stands, and what to do about it.")
