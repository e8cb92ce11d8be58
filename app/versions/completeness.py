"""What it takes to make a version again, and what of it a recipe lacks: decisions on plain values.

The weights of the needs come to a hundred; what is there of them is the completeness."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.versions.commands import NotRunnable, parse
from app.versions.repositories import is_reachable, why_not_reachable

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PYTHON = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?([A-Za-z0-9.+-]{0,40})?")
# Names as in PEP 508, versions as in PEP 440 (one version, in full, and no range).
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_PINNED = re.compile(
    r"v?([0-9]+!)?[0-9]+(\.[0-9]+)*"
    r"([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    r"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?"
    r"([-_.]?dev[-_.]?[0-9]*)?"
    r"(\+[a-z0-9]+([-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Missing:
    """What a recipe lacks: the field, why what is there does not do, and what to record."""

    field: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what it takes is there, from 0 to 1, and what is missing."""

    score: float
    missing: tuple[Missing, ...]

    @property
    def reproducible(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class _Need:
    weight: int
    share: Callable[[Mapping[str, Any]], tuple[float, tuple[Missing, ...]]]


def assess(recipe: Mapping[str, Any]) -> Completeness:
    """What is missing from a recipe: its fields by name, null or empty where there is none."""
    points, missing = 0.0, list[Missing]()
    for need in _NEEDS:
        share, lacks = need.share(recipe)
        points += need.weight * share
        missing += lacks
    # Never a whole one while something is missing, however small its share is.
    score = 1.0 if not missing else min(int(points) / 100, 0.99)
    return Completeness(score, tuple(missing))


def is_commit(text: str) -> bool:
    """Whether this is a commit in full, in lower-case hex."""
    return _COMMIT.fullmatch(text) is not None


def python_series(text: str) -> str | None:
    """The `3.11` of a version of Python; None where this is none."""
    return ".".join(text.split(".")[:2]) if _PYTHON.fullmatch(text) else None


def is_pinned(package: str, version: str) -> bool:
    """Whether this names one version of one package."""
    return bool(_PACKAGE.fullmatch(package) and _PINNED.fullmatch(version))


def is_pinned_image(image: str) -> bool:
    """Whether a container image is named by its digest."""
    return _IMAGE.fullmatch(image) is not None


def _part(recipe: Mapping[str, Any], field: str, key: str) -> Any:
    value = recipe.get(field)
    return value.get(key) if isinstance(value, Mapping) else None


def _text(recipe: Mapping[str, Any], field: str, key: str) -> str:
    value = _part(recipe, field, key)
    return value.strip() if isinstance(value, str) else ""


def _all_or_nothing(
    find: Callable[[Mapping[str, Any]], Missing | None],
) -> Callable[[Mapping[str, Any]], tuple[float, tuple[Missing, ...]]]:
    def share(recipe: Mapping[str, Any]) -> tuple[float, tuple[Missing, ...]]:
        found = find(recipe)
        return (1.0, ()) if found is None else (0.0, (found,))

    return share


def _repository(recipe: Mapping[str, Any]) -> Missing | None:
    found = _text(recipe, "code", "repository")
    if found and is_reachable(found):
        return None
    why = why_not_reachable(found) if found else "It is not known where the code is kept."
    remedy = "Record its address as `https://…`, `ssh://…` or `git@host:path`, without a password."
    return Missing("code.repository", why, remedy)


def _commit(recipe: Mapping[str, Any]) -> Missing | None:
    found = _text(recipe, "code", "commit")
    if is_commit(found):
        return None
    why = "It is no commit in full." if found else "It is not known which commit was run."
    return Missing("code.commit", why, "Record all that `git rev-parse HEAD` prints.")


def _clean(recipe: Mapping[str, Any]) -> Missing | None:
    dirty = _part(recipe, "code", "dirty")
    if dirty is False or _text(recipe, "code", "diff_sha256"):
        return None
    if dirty:
        why = "The working tree differed from the commit, and nobody knows how."
    else:
        why = "It is not known whether the working tree differed from the commit."
    remedy = "Commit before you train and record `dirty: false`, or record `code.diff_sha256`."
    return Missing("code.clean", why, remedy)


def _entrypoint(recipe: Mapping[str, Any]) -> Missing | None:
    found = _text(recipe, "code", "entrypoint")
    why = "It is not known what was run."
    if found:
        try:
            parse(found)
        except NotRunnable as refusal:
            why = str(refusal)
        else:
            return None
    remedy = "Record the command, for example `python train.py --config a.yaml`."
    return Missing("code.entrypoint", why, remedy)


def _python(recipe: Mapping[str, Any]) -> Missing | None:
    found = _text(recipe, "environment", "python")
    if python_series(found):
        return None
    why = "It is no version of Python." if found else "The version of Python is not known."
    return Missing("environment.python", why, "Record it in full, for example `3.11.7`.")


def unpinned(packages: Mapping[str, Any]) -> list[str]:
    """The packages for which no single version is named."""
    return [
        name
        for name, version in packages.items()
        if not (isinstance(version, str) and is_pinned(name, version))
    ]


def _packages(recipe: Mapping[str, Any]) -> tuple[float, tuple[Missing, ...]]:
    if is_pinned_image(_text(recipe, "environment", "container_image")):
        return 1.0, ()
    field, found = "environment.packages", _part(recipe, "environment", "packages")
    packages = found if isinstance(found, Mapping) else {}
    if not packages:
        remedy = (
            "Record every installed package with its version, or `environment.container_image` "
            "with its digest (`…@sha256:…`)."
        )
        return 0.0, (Missing(field, "It is not known which packages were installed.", remedy),)
    loose = unpinned(packages)
    if not loose:
        return 1.0, ()
    why = f"No single version is named of {_some(loose)}."
    remedy = "Record the installed version of each, for example `2.4.0`."
    return 1 - len(loose) / len(packages), (Missing(field, why, remedy),)


def _datasets(key: str) -> Callable[[Mapping[str, Any]], tuple[float, tuple[Missing, ...]]]:
    def share(recipe: Mapping[str, Any]) -> tuple[float, tuple[Missing, ...]]:
        listed = recipe.get("datasets")
        datasets = listed if isinstance(listed, list) else []
        if not datasets:
            return 0.0, tuple(_no_data(key))
        without = [str(each.get("name")) for each in datasets if not each.get(key)]
        if not without:
            return 1.0, ()
        what, remedy = _OF_DATA[key]
        found = Missing(f"datasets.{key}", f"{what} is not known of {_some(without)}.", remedy)
        return 1 - len(without) / len(datasets), (found,)

    return share


def _no_data(key: str) -> Iterator[Missing]:
    if key == "sha256":  # said once
        why = "It is not known which data was used."
        yield Missing("datasets", why, "Record every data set with its `sha256` and its `uri`.")


_OF_DATA = {
    "sha256": ("The digest", "Record the SHA-256 of the bytes that were read."),
    "uri": ("The place", "Record where the bytes are kept."),
}


def _seed(recipe: Mapping[str, Any]) -> Missing | None:
    if recipe.get("seed") is not None:
        return None
    return Missing("seed", "The random seed is not known.", "Set one, and record it.")


def _params(recipe: Mapping[str, Any]) -> Missing | None:
    if recipe.get("params"):
        return None
    why = "The hyperparameters are not known."
    return Missing("params", why, "Record all that the run was given.")


def _some(names: list[str]) -> str:
    shown = ", ".join(f"`{name[:100]}`" for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


_NEEDS = (
    _Need(10, _all_or_nothing(_repository)),
    _Need(15, _all_or_nothing(_commit)),
    _Need(10, _all_or_nothing(_clean)),
    _Need(10, _all_or_nothing(_entrypoint)),
    _Need(10, _all_or_nothing(_python)),
    _Need(15, _packages),
    _Need(10, _datasets("sha256")),
    _Need(10, _datasets("uri")),
    _Need(5, _all_or_nothing(_seed)),
    _Need(5, _all_or_nothing(_params)),
)
