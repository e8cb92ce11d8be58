"""Whom a baseline gate compares with: a stage's holder, or the version behind an alias."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.stages.rules import ALIAS_NAME, NO_STAGE, RESERVED_ALIAS, STAGE_NAME


def check_against(value: str) -> str:
    """A stage in lower case, or `@` and an alias as it is written; else a ValueError."""
    if value.startswith("@"):
        alias = value[1:]
        if ALIAS_NAME.fullmatch(alias) and not RESERVED_ALIAS.fullmatch(alias):
            return value
        raise ValueError(f"`{value[:100]}` is not `@` and the name of an alias")
    stage = value.lower()
    if STAGE_NAME.fullmatch(stage) and stage not in (NO_STAGE, "latest"):
        return stage
    raise ValueError(f"`{value[:100]}` is neither a stage nor `@` and the name of an alias")


def baseline_aliases(gates: Iterable[Any]) -> set[str]:
    """The aliases that baseline gates compare with, without `@`. Gates are shapes or as stored."""
    return {each[1:] for each in _compared(gates) if each.startswith("@")}


def baseline_stages(gates: Iterable[Any]) -> set[str]:
    """The stages that baseline gates name in `against`; without it they mean the target stage.
    Gates are shapes or as stored."""
    return {each for each in _compared(gates) if not each.startswith("@")}


def _compared(gates: Iterable[Any]) -> Iterable[str]:
    for gate in gates:
        read = (
            gate.get if isinstance(gate, Mapping) else lambda key, of=gate: getattr(of, key, None)
        )
        against = read("against")
        if read("type") == "baseline" and isinstance(against, str):
            yield against
