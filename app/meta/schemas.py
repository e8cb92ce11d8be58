"""What the service says about itself."""

from typing import Literal

from pydantic import BaseModel, Field


class Liveness(BaseModel):
    """The process runs and answers."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


class Check(BaseModel):
    """One thing that the service needs."""

    name: Literal["postgresql", "schema", "blob_store"] = Field(description="What was looked at.")
    ok: bool = Field(description="Whether it is as the service needs it.")
    detail: str = Field(
        description="What was found; where it is not well, what to do.",
        examples=["PostgreSQL answers."],
    )


class Readiness(BaseModel):
    """Whether this process can do its work."""

    ready: bool = Field(description="Whether every check is well.")
    checks: list[Check] = Field(description="Each thing the service needs.")


class Version(BaseModel):
    """Which build this is."""

    name: Literal["stageward"] = Field(default="stageward", description="Always `stageward`.")
    version: str = Field(description="The version of the service.", examples=["0.1.0"])
    api: Literal["v1"] = Field(default="v1", description="The version of the API: the base path.")
    schema_revision: str | None = Field(
        description="The revision of the database schema that this build works with.",
        examples=["0003"],
    )


class ProblemPage(BaseModel):
    """What one kind of problem means."""

    slug: str = Field(description="Its name; the last part of `type`.", examples=["not-found"])
    type: str = Field(
        description="What `type` holds in an answer.", examples=["/problems/not-found"]
    )
    title: str = Field(description="The problem in a few words.", examples=["Not found"])
    status: int = Field(description="The HTTP status that it comes with.", examples=[404])
    explanation: str = Field(
        description="What it means and what to do about it, in Markdown.",
        examples=["It is not there, or hidden from you."],
    )


class ProblemPages(BaseModel):
    """Every kind of problem."""

    items: list[ProblemPage] = Field(description="By slug.")
