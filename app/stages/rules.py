"""What a reference means, decided on its text alone."""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

NO_STAGE = "none"
LATEST = "latest"
MAX_NUMBER = 2**31 - 1


class RefKind(StrEnum):
    """The kinds of reference, in the order in which a text is read as one."""

    NUMBER = "number"
    ALIAS = "alias"
    LATEST = "latest"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a version of a model. A `word` is a stage of the model, or else a name."""

    kind: RefKind
    value: str

    @property
    def number(self) -> int:
        """The number it names; 0, which no version has, where it is too large to be one."""
        return int(self.value) if len(self.value) <= 10 and int(self.value) <= MAX_NUMBER else 0


def parse_ref(text: str) -> Ref:
    """Read a reference: a number, `@alias`, `latest`, a stage in any case, or a version name."""
    if text.isascii() and text.isdigit():
        return Ref(RefKind.NUMBER, text)
    if text.startswith("@"):
        return Ref(RefKind.ALIAS, text[1:])
    if text.lower() == LATEST:
        return Ref(RefKind.LATEST, LATEST)
    return Ref(RefKind.WORD, text)


ARCHIVED = "archived"
STAGE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
ALIAS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StageKind:
    """A stage that a policy names, and whether at most one version may hold it."""

    name: str
    exclusive: bool


class Kind(StrEnum):
    """By what a version's stage changed."""

    PROMOTION = "promotion"
    OVERRIDE = "override"
    SUCCESSION = "succession"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Cause:
    """The one thing that brings versions to where they are: a promotion or a rollback."""

    kind: Kind
    reason: str
    promotion_id: UUID | None = None
    rollback_id: UUID | None = None

    @property
    def kind_of_leaving(self) -> Kind:
        """What it is to the incumbent, which has to make room."""
        return Kind.ROLLBACK if self.kind is Kind.ROLLBACK else Kind.SUCCESSION


@dataclass(frozen=True, slots=True)
class Move:
    """That a version goes from one stage to another."""

    version_id: UUID
    number: int
    from_stage: str
    to_stage: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that has held a stage and might return to it."""

    number: int
    name: str | None
    usable: bool
    rolled_back: bool
    was_approved: bool


class NobodyToReturn(Exception):
    """No version can return to the stage; the text says why, `alternatives` which ones could."""

    def __init__(self, reason: str, alternatives: list[int]) -> None:
        super().__init__(reason)
        self.alternatives = alternatives


def choose(candidates: list[Candidate], to: int | str | None) -> Candidate:
    """Who returns to a stage: the one that is asked for, or the latest that was not rolled back
    itself. `candidates` are all earlier holders but the incumbent, the latest first.

    A choice that was recalled or deleted is not replaced by another one silently. Raises
    NobodyToReturn.
    """
    alternatives = [c.number for c in candidates if c.usable and c.was_approved]
    if to is None:
        chosen = next((c for c in candidates if not c.rolled_back), None)
        if chosen is None:
            raise NobodyToReturn("no earlier holder is left that was not rolled back", alternatives)
    else:
        chosen = next((c for c in candidates if _is_called(c, to)), None)
        if chosen is None:
            raise NobodyToReturn(f"version {to} has not held it before", alternatives)
        if not chosen.was_approved:
            raise NobodyToReturn(
                f"version {chosen.number} never held it by an approved promotion", alternatives
            )
    if not chosen.usable:
        raise NobodyToReturn(f"version {chosen.number} was recalled or deleted", alternatives)
    return chosen


def _is_called(candidate: Candidate, to: int | str) -> bool:
    if isinstance(to, str):
        return candidate.name is not None and candidate.name.lower() == to.lower()
    return candidate.number == to
