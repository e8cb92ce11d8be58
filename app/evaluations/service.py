"""Reporting and reading evaluations."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.etags import etag, since_redaction
from app.core.ids import id_after
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound
from app.evaluations import queries
from app.evaluations.moments import evaluated
from app.evaluations.schemas import (
    DatasetEvaluations,
    EvaluationDatasetOutput,
    EvaluationInput,
    EvaluationOutput,
    LatestMeasurement,
    MeasurementOutput,
)
from app.evaluations.tables import Evaluation
from app.models import service as models
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service import VersionView
from app.versions.service.note import note
from app.versions.tables import Version


async def report(
    session: AsyncSession, actor: Actor, model: Model, version: Version, wanted: EvaluationInput
) -> EvaluationOutput:
    """Keep how a ready version did. Under the model's lock, so that the newest report is the last
    one to be written, and whoever decides by it sees it."""
    await models.lock(session, model)
    version = await versions.lock_ready(session, model, version.id, "evaluated")
    evaluation = Evaluation(
        id=id_after(await queries.newest_id(session, version.id)),
        model_id=model.id,
        version_id=version.id,
        dataset_name=wanted.dataset.name,
        dataset_version=wanted.dataset.version,
        dataset_sha256=wanted.dataset.sha256,
        metrics={key: m.model_dump(exclude_none=True) for key, m in wanted.metrics.items()},
        source=wanted.source,
        notes=wanted.notes,
        reported_by_id=actor.identity_id,
        reported_by=actor.name,
        token_id=actor.token_id,
    )
    session.add(evaluation)
    _record(session, actor, model, version, evaluation)
    await session.flush()
    await evaluated.tell(session, actor, model, version)
    return _output(model.name, version, evaluation)


def _record(
    session: AsyncSession, actor: Actor, model: Model, version: Version, evaluation: Evaluation
) -> None:
    note(
        session,
        actor,
        model,
        version,
        "version.evaluated",
        evaluation=str(evaluation.id),
        dataset=_dataset(evaluation).model_dump(),
        metrics=evaluation.metrics,
        source=evaluation.source,
    )


async def list_evaluations(
    session: AsyncSession,
    view: VersionView,
    *,
    dataset: str | None,
    sha256: str | None,
    cursor: str | None,
    limit: int,
) -> Page[EvaluationOutput]:
    """A page of a version's evaluations, newest first."""
    found = await queries.page(
        session,
        view.version.id,
        dataset=dataset,
        sha256=sha256,
        after=cursor_id(cursor),
        limit=limit,
    )
    rows, more = cut(found, limit)
    return Page(
        items=[_output(view.model, view.version, row) for row in rows],
        next_cursor=encode_cursor(rows[-1].id) if more else None,
    )


async def by_dataset(
    session: AsyncSession, view: VersionView, *, cursor: str | None, limit: int
) -> Page[DatasetEvaluations]:
    """A page of the data that a version was evaluated on, last evaluated first."""
    version_id = view.version.id
    found = await queries.datasets(session, version_id, after=cursor_id(cursor), limit=limit)
    rows, more = cut(found, limit)
    latest: dict[str, list[Any]] = {row.data: [] for row in rows}
    for metric in await queries.latest_metrics(session, version_id, list(latest)):
        latest[metric.data].append(metric)
    return Page(
        items=[_of_dataset(row, latest[row.data]) for row in rows],
        next_cursor=encode_cursor(rows[-1].newest) if more else None,
    )


def _of_dataset(row: Any, latest: list[Any]) -> DatasetEvaluations:
    last = max(latest, key=lambda metric: metric.id)  # every report has a metric
    return DatasetEvaluations(
        dataset=EvaluationDatasetOutput(
            name=last.dataset_name, version=last.dataset_version, sha256=last.dataset_sha256
        ),
        metrics={
            metric.key: LatestMeasurement(
                **metric.value,
                evaluation=metric.id,
                reported_by=metric.reported_by,
                at=metric.at,
            )
            for metric in latest
        },
        reports=row.reports,
        first_at=row.first_at,
        last_at=row.last_at,
    )


async def show(
    session: AsyncSession, view: VersionView, evaluation_id: UUID
) -> tuple[EvaluationOutput, str]:
    """One evaluation of a version and its ETag, or a 404. Nothing but a redaction changes it."""
    found = await queries.one(session, view.version.id, evaluation_id)
    if found is None:
        raise NotFound(
            f"Version {view.version.number} of `{view.model}` has no evaluation `{evaluation_id}`."
        )
    tag = etag(1, *since_redaction(found.redaction_id))
    return _output(view.model, view.version, found), tag


def address(model: str, evaluation: EvaluationOutput) -> str:
    """Where an evaluation is found."""
    name = models.quoted(model)
    return f"/api/v1/models/{name}/versions/{evaluation.version}/evaluations/{evaluation.id}"


def _dataset(evaluation: Evaluation) -> EvaluationDatasetOutput:
    return EvaluationDatasetOutput(
        name=evaluation.dataset_name,
        version=evaluation.dataset_version,
        sha256=evaluation.dataset_sha256,
    )


def _output(model: str, version: Version, evaluation: Evaluation) -> EvaluationOutput:
    manifest = version.manifest_sha256
    if manifest is None:
        raise RuntimeError(f"version {version.id} was evaluated and is not ready")
    return EvaluationOutput(
        id=evaluation.id,
        model=model,
        version=version.number,
        dataset=_dataset(evaluation),
        metrics={
            key: MeasurementOutput.model_validate(found)
            for key, found in evaluation.metrics.items()
        },
        source=evaluation.source,
        notes=evaluation.notes,
        manifest_sha256=manifest,
        reported_by=evaluation.reported_by,
        at=evaluation.at,
    )
