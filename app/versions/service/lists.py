"""Pages of models."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.etags import etag
from app.models import service as models
from app.models.schemas import ModelOutput, NamingOutput
from app.models.tables import Counter, Model
from app.versions import queries
from app.versions.queries import Holdings


async def show_models(
    session: AsyncSession, found: list[tuple[Model, Counter]]
) -> list[ModelOutput]:
    """Models with who holds what in each, in one statement."""
    held = await queries.holdings(session, [model.id for model, _ in found])
    return [_model(model, counter, held[model.id]) for model, counter in found]


async def show_model(session: AsyncSession, model: Model) -> tuple[ModelOutput, str]:
    """A model with who holds what, and its ETag. The revision is read with the model and before
    the holdings: an answer may be newer than its ETag says, never older."""
    model, counter = await models.with_counter(session, model.id)
    held = await queries.holdings(session, [model.id])
    return _model(model, counter, held[model.id]), etag(counter.revision)


def _model(model: Model, counter: Counter, held: Holdings) -> ModelOutput:
    return ModelOutput(
        name=model.name,
        description=model.description,
        tags=model.tags,
        name_template=model.name_template,
        naming=None if model.naming is None else NamingOutput.model_validate(model.naming),
        created_by=model.created_by,
        created_at=model.created_at,
        updated_at=model.updated_at,
        latest_version=counter.latest_ready,
        stages=held.stages,
        aliases=held.aliases,
    )
