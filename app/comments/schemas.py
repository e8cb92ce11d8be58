"""What requests and answers about comments look like."""

from uuid import UUID

from pydantic import Field

from app.core.schemas import Input, Markdown, Output, Time


class CommentInput(Input):
    """What is said."""

    body: Markdown = Field(
        description="The text, Markdown: at most 64 KiB of UTF-8, not blank, no control characters "
        "but line ends and tabs.",
        examples=["The drop in recall on **new customers** comes from the split, see #204."],
    )


class CommentOutput(Output):
    """A comment. A deleted one keeps its place and has no text."""

    id: UUID = Field(description="The comment.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a84"])
    model: str = Field(description="The model's name.", examples=["churn"])
    version: int = Field(
        description="The number of the version that it is on, or whose promotion it is on.",
        examples=[7],
    )
    promotion: UUID | None = Field(
        description="The promotion that it is on; null for a comment on the version.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    author: str = Field(description="Who wrote it.", examples=["alice"])
    body: str | None = Field(
        description="The text as it is now, Markdown; null for a deleted comment.",
        examples=["The drop in recall on **new customers** comes from the split, see #204."],
    )
    created_at: Time = Field(description="When it was written.")
    edited_at: Time | None = Field(description="When its text was last changed; null: never.")
    edits: int = Field(description="How often its text was changed.", examples=[1])
    deleted: bool = Field(description="Whether it was deleted.", examples=[False])
    deleted_at: Time | None = Field(description="When it was deleted; null: it was not.")
    deleted_by: str | None = Field(
        description="Who deleted it: its author, or a maintainer.", examples=[None]
    )


class EarlierTextOutput(Output):
    """A text that a comment had, until it was edited."""

    body: str = Field(description="The text, Markdown.", examples=["The drop comes from the data."])
    since: Time = Field(description="When it was written.")
    until: Time = Field(description="When another text took its place.")
