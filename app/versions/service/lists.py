"""Pages of versions and of models."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.etags import etag
from app.core.filters import parse_filter
from app.core.pages import Page, bad_cursor, cut, decode_cursor, encode_cursor
from app.models import service as models
from app.models.schemas import ModelOutput, NamingOutput
from app.models.tables import Counter, Model
from app.versions import queries
from app.versions.queries import Holdings
from app.versions.schemas import VersionOutput
from app.versions.service.show import as_output

VERSION_FILTERS = frozenset({"name", "stage", "status", "tags"})


async def list_versions(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    *,
    filter_text: str | None,
    stage: str | None,
    status: str | None,
    cursor: str | None,
    limit: int,
) -> Page[VersionOutput]:
    """One model's versions, newest first."""
    key = decode_cursor(cursor, 1)
    if key is not None and not (key[0].isascii() and key[0].isdigit() and len(key[0]) < 10):
        raise bad_cursor()
    rows = await queries.page_in_model(
        session,
        model.id,
        terms=_terms(filter_text, stage, status),
        after=None if key is None else int(key[0]),
        limit=limit,
    )
    views, more = cut(rows, limit)
    last = encode_cursor(views[-1].version.number) if more else None
    return Page(items=[as_output(view, actor) for view in views], next_cursor=last)


async def list_everywhere(
    session: AsyncSession, actor: Actor, *, filter_text: str | None, cursor: str | None, limit: int
) -> Page[VersionOutput]:
    """The versions of all models that the actor can see, newest first."""
    rows = await queries.page_everywhere(
        session, actor, terms=_terms(filter_text, None, None), after=_time_key(cursor), limit=limit
    )
    views, more = cut(rows, limit)
    last = views[-1].version if more else None
    return Page(
        items=[as_output(view, actor) for view in views],
        next_cursor=last and encode_cursor(last.created_at.isoformat(), last.id),
    )


def _time_key(cursor: str | None) -> tuple[datetime, UUID] | None:
    key = decode_cursor(cursor, 2)
    if key is None:
        return None
    try:
        at, row_id = datetime.fromisoformat(key[0]), UUID(key[1])
    except ValueError as error:
        raise bad_cursor() from error
    if at.tzinfo is None:
        raise bad_cursor()
    return at, row_id


def _terms(filter_text: str | None, stage: str | None, status: str | None) -> list[tuple[str, str]]:
    terms = parse_filter(filter_text, VERSION_FILTERS)
    if stage is not None:
        terms.append(("stage", stage))
    if status is not None:
        terms.append(("status", status))
    return terms


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
