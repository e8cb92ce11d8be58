"""What requests and answers about grants look like."""

from pydantic import Field

from app.core.schemas import Input, Output, Time
from app.identities.schemas import RoleName
from app.tokens.schemas import Glob


class GrantInput(Input):
    """A role on some models, for somebody."""

    subject: str = Field(
        min_length=1,
        max_length=128,
        description="The identity or the group that has the role.",
        examples=["alice"],
    )
    role: RoleName = Field(
        description="`reader` sees; `contributor` registers, uploads, measures, asks for "
        "promotions and applies approved ones; `reviewer` also reviews; `maintainer` also adds to "
        "the policy, rolls back, recalls and deletes; `admin`, which is global, does the rest.",
        examples=["contributor"],
    )
    models: Glob = Field(
        description="The models whose name matches this glob: `*` is any run of characters, `?` "
        "any one. The role `admin` takes `*`.",
        examples=["fraud-*"],
    )


class GrantOutput(Output):
    """A role that an identity or a group has on the models that match a glob."""

    subject: str = Field(description="Who has it.", examples=["alice"])
    kind: str = Field(
        description="What the subject is: `user`, `service` or `group`.", examples=["user"]
    )
    role: RoleName = Field(description="Which role.", examples=["contributor"])
    models: str = Field(description="On which models, as a glob.", examples=["fraud-*"])
    created_by: str = Field(description="Who gave it.", examples=["admin"])
    created_at: Time = Field(description="When it was given.")
