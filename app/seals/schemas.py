"""What answers about the record look like."""

import base64
from typing import Self

from pydantic import Field

from app.core.pages import Page
from app.core.schemas import Digest, Output
from app.seals.rules import Checkpoint, Verdict

KEY_ID = Field(
    description="The first 16 characters of the SHA-256 of the public key.",
    examples=["3f0a8b5c7d9e1f24"],
)


class RecordProblem(Output):
    """What is wrong with the record, and where."""

    seq: int | None = Field(
        description="The number of the first seal that is not as it should be; null: it lies "
        "behind the last seal.",
        examples=[1204],
    )
    event_id: int | None = Field(
        description="The event that it concerns, if a single one.", examples=[1311]
    )
    problem: str = Field(
        description="`edited` (the event, or its seal), `details_edited`, `texts_edited`, "
        "`deleted`, `inserted`, `reordered`, `seal_edited`, `seal_missing`, `rebuilt` (the chain "
        "was calculated anew behind a checkpoint), `bad_signature`, `unknown_key`, `unsigned`, "
        "`unsealed` (an event waits for its seal for ten minutes), "
        "`truncated` and `rewritten` (against the checkpoint that you kept), "
        "`redacted_without_record`.",
        examples=["details_edited"],
    )
    detail: str = Field(
        description="The same in a sentence.",
        examples=["The details of event 1311 were edited: they lack their digest."],
    )


class Verification(Output):
    """What a look at the record found."""

    valid: bool = Field(description="Whether nothing is wrong.")
    checked: int = Field(
        description="How many events were looked at, sealed or not.", examples=[1310]
    )
    sealed_through: int = Field(
        description="The number of the last seal; 0: nothing is sealed yet.", examples=[1307]
    )
    signed_through: int = Field(
        description="The number of the last seal that a good checkpoint covers.", examples=[1307]
    )
    unsealed: int = Field(
        description="How many events wait for their seal, about a second as a rule. Of those, only "
        "the details are checked.",
        examples=[3],
    )
    redacted: int = Field(
        description="How many events hold a marker where a secret was. What else they say in their "
        "details and texts is no longer proven.",
        examples=[0],
    )
    checkpoints: int = Field(description="How many checkpoints were looked at.", examples=[12])
    problems: int = Field(
        description="How many things are wrong. One change may show in several places.",
        examples=[0],
    )
    first_problem: RecordProblem | None = Field(
        description="The problem at the lowest seal; null where nothing is wrong."
    )
    key_id: str = KEY_ID

    @classmethod
    def of(cls, verdict: Verdict, key_id: str) -> Self:
        """A verdict, with the key in use."""
        first = verdict.first_problem
        return cls(
            valid=verdict.problems == 0,
            checked=verdict.checked,
            sealed_through=verdict.sealed_through,
            signed_through=verdict.signed_through,
            unsealed=verdict.unsealed,
            redacted=verdict.redacted,
            checkpoints=verdict.checkpoints,
            problems=verdict.problems,
            first_problem=RecordProblem.model_validate(first) if first else None,
            key_id=key_id,
        )


class CheckpointOutput(Output):
    """The head of the chain at some time, signed."""

    seq: int = Field(description="The number of the seal.", examples=[1307])
    hash: Digest = Field(description="Its hash, which covers all that was sealed before.")
    at: str = Field(
        description="When it was signed (RFC 3339, UTC), to the letter as it was signed.",
        examples=["2026-11-23T09:30:00.25Z"],
    )
    key_id: str = KEY_ID
    signature: str = Field(
        description="The Ed25519 signature, in base64, of the canonical JSON (RFC 8785) of "
        '`{"stageward": "checkpoint", "seq": …, "hash": …, "at": …}`.',
        examples=[
            "GqE1Zl9yN0t3bXJvY2ZkdWpzd2tub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3A="
        ],
    )

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """A checkpoint on the wire."""
        signature = base64.b64encode(checkpoint.signature).decode()
        return cls(**{**checkpoint._asdict(), "signature": signature})


class PublicKeyOutput(Output):
    """A public key whose signatures count."""

    key_id: str = KEY_ID
    public_key: str = Field(
        description="Its 32 bytes in base64, as `verify-events --key` takes it.",
        examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    )
    in_use: bool = Field(description="Whether new checkpoints are signed with it.")


class CheckpointPage(Page[CheckpointOutput]):
    """One page of checkpoints, and the keys."""

    keys: list[PublicKeyOutput] = Field(description="The keys to trust, the one in use first.")
