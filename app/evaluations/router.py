"""The routes of evaluations."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.core.etags import IfNoneMatch, answer, etag
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.evaluations import service
from app.evaluations.dependencies import VersionToMeasure
from app.evaluations.schemas import DatasetEvaluations, EvaluationInput, EvaluationOutput
from app.versions import service as versions
from app.versions.dependencies import VersionInModel, VersionToRead
from app.versions.problems import AmbiguousReference, VersionNotReady
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Evaluations")

EVALUATIONS = "/models/{model}/versions/{ref}/evaluations"
ETAG = etag(1)  # of a new report
Read = Annotated[VersionView, Depends(VersionToRead(Permission.EVALUATIONS_READ))]


@router.post(
    EVALUATIONS,
    status_code=201,
    summary="Report an evaluation",
    responses={
        201: {"headers": RESOLVED},
        **responses(NotFound, NotAllowed, AmbiguousReference, VersionNotReady, InvalidRequest),
    },
)
async def report_evaluation(
    wanted: EvaluationInput,
    target: Annotated[VersionInModel, Depends(VersionToMeasure(Permission.EVALUATIONS_REPORT))],
    actor: CurrentActor,
    session: Transaction,
    response: Response,
) -> EvaluationOutput:
    """Say how a ready version did on a data set. Every report is kept and none is changed: measure
    again by reporting again. `version` says which version the reference resolved to; one that was
    recalled can still be measured.

    Give the data's `sha256`: gates compare versions only where both were measured on the same
    bytes. Give `stderr` or `n` for gates that ask how sure a difference is."""
    found = await service.report(session, actor, target.model, target.version, wanted)
    response.headers.update(versions.resolved(target.version))
    response.headers["Location"] = service.address(target.model.name, found)
    response.headers["ETag"] = ETAG
    return found


@router.get(
    EVALUATIONS,
    summary="List a version's evaluations",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def list_evaluations(
    view: Read,
    session: Reading,
    request: Request,
    response: Response,
    dataset: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="Only those on data of this name, as written.",
            examples=["holdout-2026-10"],
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        Query(
            pattern="^[0-9a-f]{64}$",
            description="Only those on data with this SHA-256.",
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EvaluationOutput]:
    """Every report, newest first."""
    page = await service.list_evaluations(
        session, view, dataset=dataset, sha256=sha256, cursor=cursor, limit=limit
    )
    response.headers.update(versions.resolved(view.version))
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    EVALUATIONS + "/by-dataset",
    summary="Read a version's evaluations by data set",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def list_evaluations_by_dataset(
    view: Read,
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DatasetEvaluations]:
    """One entry for each data that the version was evaluated on, with the latest report of each
    metric: the data last evaluated on comes first. How a metric went over the versions on the same
    data is what `GET /models/{model}/metrics/{key}?dataset=` tells."""
    page = await service.by_dataset(session, view, cursor=cursor, limit=limit)
    response.headers.update(versions.resolved(view.version))
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    EVALUATIONS + "/{evaluation}",
    summary="Get an evaluation",
    response_model=EvaluationOutput,
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def get_evaluation(
    view: Read,
    evaluation: Annotated[
        UUID,
        Path(
            description="The evaluation's id.",
            examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86"],
        ),
    ],
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> EvaluationOutput | Response:
    """One report, as it was made."""
    found, tag = await service.show(session, view, evaluation)
    response.headers.update(versions.resolved(view.version))
    return answer(if_none_match, response, tag) or found
