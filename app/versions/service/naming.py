"""The name of a version: its own, or what the model's convention renders."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.problems import InvalidRequest
from app.models.rules import LacksField, render_name
from app.models.tables import Model
from app.stages.service import is_stage
from app.versions.problems import NameTemplateLacksField, VersionNameTaken


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
    facts = {**recipe, "model": model.name, "number": number}
    try:
        return render_name(model.name_template, facts, created_at)
    except LacksField as lack:
        raise NameTemplateLacksField(
            f"The naming convention `{model.name_template}` needs `{lack.field}`, which this "
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
            f"The naming convention `{model.name_template}` {error}.",
            errors=[{"pointer": "/name", "detail": "Give the version a `name` of its own."}],
        ) from error
