"""The shell script of a recipe: quoted values above, and below them a text that never changes.

Whatever somebody wrote stands in the script as a quoted word, nowhere else. Texts that are only
shown are made visible first; values that are used are of a form that was checked, and left out
otherwise; the recipe itself is JSON in ASCII."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from app.reproduction.quoting import quote, visible
from app.reproduction.schemas import RecipeOutput
from app.versions.commands import Command, NotRunnable, parse
from app.versions.completeness import is_commit, is_pinned, python_series
from app.versions.repositories import scheme_of

_HEAD = """#!/bin/sh
# Written by Stageward from the recipe of a version. `sh reproduce.sh --help` says what it does.
# Every value is quoted; nothing that somebody wrote into the recipe is read as a command.
"""


@cache
def _body() -> str:
    return (Path(__file__).parent / "body.sh").read_text(encoding="utf-8")


def write(recipe: RecipeOutput) -> str:
    """The script. The same recipe gives the same text."""
    lines = [
        *(f"{name}={quote(value)}" for name, value in _values(recipe).items()),
        _function("recipe_json", ["printf", "%s\\n", _as_json(recipe.model_dump(mode="json"))]),
        _function("params_json", ["printf", "%s\\n", _as_json(recipe.params)]),
        _requirements(recipe),
        _data_sets(recipe),
        *_command(recipe),
    ]
    return _HEAD + "\n" + "\n".join(lines) + "\n" + _body()


def _values(recipe: RecipeOutput) -> dict[str, str]:
    code, environment = recipe.code, recipe.environment
    repository = code.repository if code and scheme_of(code.repository) else ""
    commit = code.commit if code and is_commit(code.commit) else ""
    python = environment.python if environment else ""
    series = python_series(python)
    dirty = None if code is None else code.dirty
    return {
        "title": visible(f"{recipe.model} version {recipe.number}"),
        "default_directory": f"stageward-{recipe.model.replace(' ', '-')}-{recipe.number}",
        "recalled": visible(recipe.recalled.reason) if recipe.recalled else "",
        "missing": ", ".join(visible(each.field) for each in recipe.missing),
        "repository": repository,
        "commit": commit,
        "no_code": _no_code(recipe),
        "dirty": {True: "yes", False: "no", None: "unknown"}[dirty],
        "diff_sha256": (code.diff_sha256 or "") if code else "",
        "diff_is_file": _diff_is_file(recipe),
        "python_version": visible(python) if series else "",
        "python_series": series or "",
        "container_image": visible((environment and environment.container_image) or ""),
        "unpinned": _unpinned(recipe),
        "seed": "" if recipe.seed is None else str(recipe.seed),
        "entrypoint": visible((code and code.entrypoint) or ""),
        "has_metrics": "yes" if recipe.expected.metrics else "",
    }


def _no_code(recipe: RecipeOutput) -> str:
    whys = [m.why for m in recipe.missing if m.field in ("code.repository", "code.commit")]
    return " ".join(whys)


def _diff_is_file(recipe: RecipeOutput) -> str:
    """Where the version itself has the uncommitted change among its files."""
    wanted = recipe.code.diff_sha256 if recipe.code else None
    path = next((file.path for file in recipe.files if wanted and file.sha256 == wanted), None)
    return "" if path is None else f"It is a file of the version: {visible(path)}"


def _unpinned(recipe: RecipeOutput) -> str:
    packages = recipe.environment.packages if recipe.environment else {}
    loose = [name for name, version in packages.items() if not is_pinned(name, version)]
    return visible(", ".join(sorted(loose)))


def _requirements(recipe: RecipeOutput) -> str:
    packages = recipe.environment.packages if recipe.environment else {}
    lines = [
        f"{name}=={version}"
        for name, version in sorted(packages.items())
        if is_pinned(name, version)
    ]
    return _function("requirements", ["printf", "%s\\n", *lines] if lines else [":"])


def _data_sets(recipe: RecipeOutput) -> str:
    calls = [
        ["data_set", str(at), each.role, visible(each.name), visible(each.uri or ""), each.sha256]
        for at, each in enumerate(recipe.datasets, start=1)
    ]
    lines = [_words(call[0] or "", [each or "" for each in call[1:]]) for call in calls]
    return "data_sets() {\n" + "\n".join(f"  {line}" for line in lines or [":"]) + "\n}"


def _command(recipe: RecipeOutput) -> Iterable[str]:
    entrypoint = (recipe.code and recipe.code.entrypoint) or ""
    found: Command | None = None
    why = ""
    try:
        found = parse(entrypoint)
    except NotRunnable as reason:
        why = str(reason) if entrypoint else "None was recorded."
    yield f"runnable={quote('yes' if found else '')}"
    yield f"not_runnable={quote(why)}"
    # The first argument of each is ours: what to call with the words.
    yield _with("with_words", found.words if found else ())
    yield _with("with_program", found.program if found else ())


def _with(name: str, words: Sequence[str]) -> str:
    return f"{name}() {{ " + " ".join(['"$@"', *map(quote, words)]) + "; }"


def _function(name: str, call: Sequence[str]) -> str:
    return f"{name}() {{\n  {_words(call[0], call[1:])}\n}}"


def _words(command: str, words: Sequence[str]) -> str:
    """A call of a command of ours with quoted words."""
    return " ".join([command, *map(quote, words)])


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True)
