"""Deciding a fields gate: what the version says about itself."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from re import sub
from typing import Any

from app.models.rules import LacksField, find_field
from app.policies.gates import FieldsGate
from app.promotions.rules.gates.evidence import Candidate, Evidence
from app.promotions.rules.gates.words import listed, named
from app.versions.completeness import assess

_PACKAGES = "environment.packages."


def decide_fields(gate: FieldsGate, evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why."""
    lacks = [
        f"{named(name)}{_why(name, evidence.candidate)}"
        for name in dict.fromkeys(gate.require)
        if not _is_there(name, evidence)
    ]
    if lacks:
        return False, f"Version {evidence.candidate.number} lacks {listed(lacks, most=len(lacks))}."
    has = listed([named(name) for name in dict.fromkeys(gate.require)])
    return True, f"Version {evidence.candidate.number} has {has}."


def is_given(value: Any) -> bool:
    """Whether a value says something: an empty text, list or object does not; zero and false do."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list | Mapping):
        return bool(value)
    return value is not None


def _is_there(name: str, evidence: Evidence) -> bool:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(evidence)
    recipe = evidence.candidate.recipe
    if name.startswith(_PACKAGES):
        packages = _object(recipe["environment"]).get("packages")
        return is_given(_package(_object(packages), name.removeprefix(_PACKAGES)))
    return is_given(_found(name, recipe) if "." in name else recipe[name])


def _found(name: str, recipe: Mapping[str, Any]) -> Any:
    try:
        return find_field(name, recipe)
    except LacksField:
        return None


def _package(packages: Mapping[str, Any], name: str) -> Any:
    """Packages are the same whether they are written with `-`, `_` or `.`, in any case."""
    if name in packages:
        return packages[name]
    wanted = _package_key(name)
    return next((v for key, v in packages.items() if _package_key(key) == wanted), None)


@lru_cache(maxsize=20_000)  # many gates may look through the packages of one version
def _package_key(name: str) -> str:
    return sub(r"[-_.]+", "-", name).lower()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _datasets(evidence: Evidence) -> list[Mapping[str, Any]]:
    return list(evidence.candidate.recipe["datasets"] or ())


def _of_role(role: str) -> Callable[[Evidence], bool]:
    return lambda evidence: any(each.get("role") == role for each in _datasets(evidence))


def _all_with_digest(evidence: Evidence) -> bool:
    datasets = _datasets(evidence)
    return bool(datasets) and all(is_given(each.get("sha256")) for each in datasets)


def _is_clean(evidence: Evidence) -> bool:
    return _object(evidence.candidate.recipe["code"]).get("dirty") is False


def _has_signature(evidence: Evidence) -> bool:
    return any(map(is_given, _object(evidence.candidate.recipe["signature"]).values()))


_SPECIAL: dict[str, Callable[[Evidence], bool]] = {
    "files": lambda evidence: evidence.candidate.files_count > 0,
    "parents": lambda evidence: evidence.has_parents,
    "signature": _has_signature,
    "code.clean": _is_clean,
    "reproducible": lambda evidence: assess(evidence.candidate.recipe).reproducible,
    "datasets.sha256": _all_with_digest,
    **{f"datasets.{role}": _of_role(role) for role in ("train", "validation", "test", "other")},
}


def _why(name: str, candidate: Candidate) -> str:
    """More about what is missing, where there is more to say."""
    if name == "code.clean" and _object(candidate.recipe["code"]).get("dirty"):
        return " (its working tree differed from the commit)"
    if name == "reproducible":
        fields = [named(each.field) for each in assess(candidate.recipe).missing]
        return f" (for that it lacks {listed(fields, most=len(fields))})"
    if name == "datasets.sha256":
        without = [
            named(str(each.get("name")))
            for each in candidate.recipe["datasets"] or ()
            if not is_given(each.get("sha256"))
        ]
        return f" (there is no digest of {listed(without)})" if without else ""
    return ""
