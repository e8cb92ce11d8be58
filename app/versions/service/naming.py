"""The name of a version: its own, or what the model's convention renders."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.problems import InvalidRequest
from app.models.conventions import name_breaches, tag_breaches
from app.models.problems import refuse_breaches
from app.models.rules import LacksField, render_name
from app.models.tables import Model
from app.stages.service import is_stage
from app.versions.problems import NameTemplateLacksField, VersionNameTaken
from app.versions.schemas import VersionInput
from app.versions.tables import Version


async def check_free_of_stages(session: AsyncSession, model: Model, name: str) -> None:
    """Refuse a name that a stage of the model has: a reference would mean the stage."""
    if await is_stage(session, model.id, name):
        raise VersionNameTaken(
            f"`{name}` is a stage of the model `{model.name}`, and a reference to it means the "
            "stage. Choose another name."
        )


def render(model: Model, number: int, created_at: datetime, recipe: dict[str, Any]) -> str | None:
    """The name by the model's convention; None where it has none."""
    if model.name_template is None:
        return None
    return _rendered(
        model.name_template, {**recipe, "model": model.name, "number": number}, created_at
    )


def named(
    model: str,
    convention: Mapping[str, Any],
    number: int,
    created_at: datetime,
    wanted: VersionInput,
) -> str | None:
    """The name of a version to register: its own, or the one that the model's convention renders.
    Raises the problem with it, or with its tags, under that convention."""
    name, template = wanted.name, convention["template"]
    if name is None and template is not None:
        recipe = wanted.model_dump(include={"params", "metrics", "code", "tags"})
        name = _rendered(template, {**recipe, "model": model, "number": number}, created_at)
    rules = convention["naming"]
    refuse_breaches(model, [*tag_breaches(rules, wanted.tags), *name_breaches(rules, name)])
    return name


def check_rules(model: Model, version: Version, changed: Collection[str]) -> None:
    """Refuse a change of a version's name or tags that the model's naming rules do not allow. What
    is not changed may be older than the rules, and stays."""
    breaches = tag_breaches(model.naming, version.tags) if "tags" in changed else []
    if "name" in changed:
        breaches += name_breaches(model.naming, version.name)
    refuse_breaches(model.name, breaches)


def _rendered(template: str, facts: dict[str, Any], created_at: datetime) -> str:
    try:
        return render_name(template, facts, created_at)
    except LacksField as lack:
        raise NameTemplateLacksField(
            f"The naming convention `{template}` needs `{lack.field}`, which this "
            "version does not have.",
            errors=[
                {
                    "pointer": "/" + lack.field.replace(".", "/", 1),
                    "detail": f"The model's name_template needs `{lack.field}`: add it, or give "
                    "the version a `name`.",
                }
            ],
        ) from lack
    except ValueError as error:
        raise InvalidRequest(
            f"The naming convention `{template}` {error}.",
            errors=[{"pointer": "/name", "detail": "Give the version a `name` of its own."}],
        ) from error
