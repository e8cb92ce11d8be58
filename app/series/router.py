"""The routes of learning curves."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.core.canonical import MAX_SAFE_INTEGER
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead
from app.models.tables import Model
from app.series import service
from app.series.problems import PointDiffers, TooManyPoints
from app.series.schemas import AddedOutput, CurveOutput, PointsInput, SeriesOutput, TrendOutput
from app.versions import service as versions
from app.versions.dependencies import VersionInModel, VersionToChange, VersionToRead
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Series")

VERSION = "/models/{model}/versions"
Read = Annotated[VersionView, Depends(VersionToRead(Permission.SERIES_READ))]


@router.post(
    VERSION + "/{n}/series",
    status_code=201,
    summary="Add points to learning curves",
    responses={
        201: {"headers": RESOLVED},
        **responses(NotFound, NotAllowed, PointDiffers, TooManyPoints, InvalidRequest),
    },
)
async def add_points(
    wanted: PointsInput,
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.SERIES_REPORT))],
    actor: CurrentActor,
    session: Transaction,
    response: Response,
) -> AddedOutput:
    """Add up to 10,000 points, of as many curves as you like. A curve begins with its first point.
    Points are measurements: they can be added to a draft and to a ready version, and make nobody an
    author.

    Points never change. What was sent before with the same value is accepted again, so that a call
    can be repeated, and keeps its time; another value for a step is a 409, and nothing of the call
    is kept."""
    found = await service.add(session, actor, target.model, target.version, wanted)
    response.headers.update(versions.resolved(target.version))
    return found


@router.get(
    VERSION + "/{ref}/series",
    summary="Read a learning curve, or list them",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def read_series(
    view: Read,
    session: Reading,
    request: Request,
    response: Response,
    key: Annotated[
        str | None,
        Query(
            max_length=250,
            description="Which curve, as written. Without it the curves of the version are listed.",
            examples=["validation/loss"],
        ),
    ] = None,
    max_points: Annotated[
        int,
        Query(ge=2, le=10_000, description="With `key`: how many points at most, 2 to 10,000."),
    ] = 1000,
    from_step: Annotated[
        int | None,
        Query(ge=0, le=MAX_SAFE_INTEGER, description="With `key`: only steps from this one on."),
    ] = None,
    to_step: Annotated[
        int | None,
        Query(ge=0, le=MAX_SAFE_INTEGER, description="With `key`: only steps up to this one."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CurveOutput | Page[SeriesOutput]:
    """With `key`: its points by step. Where there are more than `max_points`, they are thinned out
    here: what is left are points that were sent, and from `max_points=4` on the first, the last,
    the lowest and the highest are always among them.

    Without `key`: a page of the version's curves, by key, with what their points come to."""
    response.headers.update(versions.resolved(view.version))
    if key is not None:
        return await service.curve(
            session, view, key, low=from_step, high=to_step, max_points=max_points
        )
    page = await service.list_series(session, view, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/models/{model}/metrics/{metric:path}",
    summary="Follow a metric over the versions",
    responses=responses(NotFound, InvalidRequest),
)
async def read_trend(
    model: Annotated[Model, Depends(ModelToRead(Permission.SERIES_READ))],
    metric: Annotated[
        str,
        Path(
            max_length=250, description="The metric, as written; slashes and all.", examples=["auc"]
        ),
    ],
    session: Reading,
    request: Request,
    response: Response,
    dataset: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="Only what was reported on data of this name.",
            examples=["holdout"],
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        Query(
            pattern="^[0-9a-f]{64}$",
            description="Only what was reported on data with this SHA-256.",
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="How many versions at most, 1 to 1,000.")
    ] = 200,
    cursor: Cursor = None,
) -> TrendOutput:
    """A metric over the versions of a model, by number. Without a data set: what each version's
    recipe says. With one, by its name, its digest or both: the latest evaluation of each version on
    it. Versions without the metric are left out."""
    found = await service.trend(
        session, model, metric, dataset=dataset, sha256=sha256, cursor=cursor, limit=limit
    )
    link_next(request, response, found.next_cursor)
    return found
