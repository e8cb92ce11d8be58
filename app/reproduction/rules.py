"""What of a recipe can be done again: decisions on plain values."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.reproduction.schemas import (
    ExpectedOutput,
    MissingOutput,
    RecipeFile,
    RecipeOutput,
    StepOutput,
)
from app.versions.commands import NotRunnable, parse
from app.versions.completeness import assess, is_commit, is_pinned, is_pinned_image, python_series
from app.versions.repositories import scheme_of


def put_together(version: Mapping[str, Any], files: list[RecipeFile]) -> RecipeOutput:
    """The recipe of a version, from the fields that are shown of it."""
    found = assess(version)
    recipe = RecipeOutput(
        **{name: version[name] for name in RecipeOutput.model_fields if name in version},
        completeness=found.score,
        reproducible=found.reproducible,
        missing=[
            MissingOutput(field=each.field, why=each.why, remedy=each.remedy)
            for each in found.missing
        ],
        steps=[],
        command=command_of((version["code"] or {}).get("entrypoint")),
        files=files,
        expected=ExpectedOutput(metrics=version["metrics"]),
    )
    return recipe.model_copy(update={"steps": list(_steps(recipe))})


def command_of(entrypoint: str | None) -> list[str] | None:
    """The words behind the interpreter; None where a script does not run it."""
    try:
        return list(parse(entrypoint or "").words)
    except NotRunnable:
        return None


def _steps(recipe: RecipeOutput) -> Iterator[StepOutput]:
    can_check_out = recipe.code is not None and _is_found(recipe)
    yield StepOutput(name="code", possible=can_check_out, detail=_code(recipe))
    yield _environment(recipe)
    with_digest = sum(each.sha256 is not None for each in recipe.datasets)
    yield StepOutput(
        name="data",
        possible=bool(recipe.datasets),
        detail=f"Check {with_digest} of {len(recipe.datasets)} data sets by their SHA-256, where a "
        "local copy is named."
        if recipe.datasets
        else "No data set is recorded.",
    )
    yield _training(recipe, can_check_out)
    count = len(recipe.expected.metrics)
    detail = f"Compare {count} metrics with those of the version." if count else "It has none."
    yield StepOutput(name="comparison", possible=count > 0, detail=detail)


def _is_found(recipe: RecipeOutput) -> bool:
    code = recipe.code
    return code is not None and bool(scheme_of(code.repository)) and is_commit(code.commit)


def _code(recipe: RecipeOutput) -> str:
    if recipe.code is not None and _is_found(recipe):
        return f"Check out {recipe.code.commit}."
    lacks = [m.why for m in recipe.missing if m.field in ("code.repository", "code.commit")]
    return " ".join(lacks)


def _environment(recipe: RecipeOutput) -> StepOutput:
    found = recipe.environment
    if found is None:
        detail = "No environment is recorded: the script makes an empty one."
        return StepOutput(name="environment", possible=False, detail=detail)
    pinned = sum(is_pinned(name, version) for name, version in found.packages.items())
    python = python_series(found.python)
    image = is_pinned_image(found.container_image or "")
    detail = f"Install {pinned} of {len(found.packages)} packages"
    detail += f" for Python {python}." if python else "; the version of Python is not known."
    detail += " Or use the container image." if image else ""
    possible = bool(python) and (image or 0 < len(found.packages) == pinned)
    return StepOutput(name="environment", possible=possible, detail=detail)


def _training(recipe: RecipeOutput, can_check_out: bool) -> StepOutput:
    entrypoint = recipe.code.entrypoint if recipe.code else None
    try:
        parse(entrypoint or "")
    except NotRunnable as why:
        detail = f"Show the entrypoint. {why}" if entrypoint else "No entrypoint is recorded."
        return StepOutput(name="training", possible=False, detail=detail)
    detail = "With `--run`, run the entrypoint on the checkout."
    return StepOutput(name="training", possible=can_check_out, detail=detail)
