"""The routes of lineage, data sets and impact."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.access.dependencies import Allowed, CurrentActor
from app.access.table import Permission
from app.core.actor import Actor
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.lineage import service
from app.lineage.queries.datasets import Wanted
from app.lineage.queries.graph import Direction
from app.lineage.schemas import (
    DatasetOutput,
    DatasetVersionOutput,
    ImpactOutput,
    LineageOutput,
    Role,
)
from app.versions import service as versions
from app.versions.dependencies import VersionToRead, resolve
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Knowing")

Read = Annotated[VersionView, Depends(VersionToRead(Permission.VERSIONS_READ))]
Reader = Annotated[Actor, Depends(Allowed(Permission.DATASETS_READ))]
SHA256 = r"^[0-9a-f]{64}$"
Sha256 = Annotated[
    str | None, Query(pattern=SHA256, description="Only data with this SHA-256, in hex.")
]
Stage = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z][a-z0-9_-]{0,63}$",
        description="Only versions that hold this stage now; `none` for no stage.",
        examples=["production"],
    ),
]


@router.get(
    "/models/{model}/versions/{ref}/lineage",
    summary="What it was made from, and what was made from it",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def read_lineage(
    view: Read,
    actor: CurrentActor,
    session: Reading,
    response: Response,
    depth: Annotated[
        int, Query(ge=1, le=20, description="How many steps in each direction, 1 to 20.")
    ] = 3,
    direction: Annotated[
        Direction, Query(description="`up` for ancestors, `down` for descendants, or `both`.")
    ] = "both",
) -> LineageOutput:
    """Parents, children and data sets, as lists and as a graph, across models. What you cannot see
    is left out, and so is all that is reached only through it."""
    response.headers.update(versions.resolved(view.version))
    return await service.lineage(session, actor, view, direction=direction, depth=depth)


@router.get(
    "/datasets",
    summary="List data sets",
    responses=responses(InvalidRequest),
)
async def list_datasets(
    actor: Reader,
    session: Reading,
    request: Request,
    response: Response,
    name: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="Only data of this name, as written.",
            examples=["customers-2026-10"],
        ),
    ] = None,
    sha256: Sha256 = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DatasetOutput]:
    """The data sets that recipes name, by name: each name, version and digest once, with how many
    versions of the models that you can see used it. Data of one digest may have several names."""
    page = await service.list_datasets(
        session, actor, name=name, sha256=sha256, cursor=cursor, limit=limit
    )
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/datasets/{dataset:path}/versions",
    summary="Which versions used a data set",
    responses=responses(InvalidRequest),
)
async def list_dataset_versions(
    dataset: Annotated[
        str,
        Path(
            max_length=1000,
            description="The data set's name, as written; slashes and all.",
            examples=["customers-2026-10"],
        ),
    ],
    actor: Reader,
    session: Reading,
    request: Request,
    response: Response,
    sha256: Sha256 = None,
    version: Annotated[
        str | None, Query(max_length=1000, description="Only data of this version, as written.")
    ] = None,
    role: Annotated[Role | None, Query(description="Only versions that used it for this.")] = None,
    stage: Stage = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DatasetVersionOutput]:
    """Every version that used data of this name, newest first, with its stage: which production
    models does a bad data set touch? `sha256`, `version` and `role` are of one and the same entry
    of a recipe. For what descends from these, ask `GET /impact`."""
    wanted = Wanted(name=dataset, sha256=sha256, version=version, role=role)
    page = await service.list_users(session, actor, wanted, stage=stage, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/impact",
    summary="Which versions saw this data or this parent",
    responses=responses(NotFound, AmbiguousReference, InvalidRequest),
)
async def read_impact(
    actor: Reader,
    session: Reading,
    dataset_sha256: Annotated[
        str | None, Query(pattern=SHA256, description="The SHA-256 of the data, in hex.")
    ] = None,
    dataset: Annotated[
        str | None,
        Query(min_length=1, max_length=1000, description="The name of the data, as written."),
    ] = None,
    parent: Annotated[
        str | None,
        Query(
            max_length=300,
            description="A version, as `{model}/{ref}`: by number, name, alias, stage or `latest`.",
            examples=["churn/3"],
        ),
    ] = None,
    stage: Stage = None,
    every: Annotated[
        bool,
        Query(description="Also versions in no stage, and archived ones; not with `stage`."),
    ] = False,
    depth: Annotated[
        int, Query(ge=1, le=50, description="How many steps down at most, 1 to 50.")
    ] = 20,
) -> ImpactOutput:
    """Which versions used a data set (by its digest, its name, or both) or descend, at any distance
    up to `depth`, from one that did; or descend from a version. Without `stage`: those that hold
    any stage but `archived`. A version that is in the list twice over is there by its shortest way.

    Name the data, or a parent. What you cannot see is left out and ends a way."""
    if (parent is None) == (dataset is None and dataset_sha256 is None):
        raise _not_one("parent", "Name either data (`dataset_sha256`, `dataset`) or a `parent`.")
    if stage is not None and every:
        raise _not_one("every", "Leave out either `stage` or `every`.")
    beginning: Wanted | VersionView = Wanted(sha256=dataset_sha256, name=dataset)
    if parent is not None:
        model, _, ref = parent.rpartition("/")
        if not model or not ref:
            raise _not_one("parent", "Write it as model and reference: `churn/3`.")
        beginning = await resolve(session, actor, model, ref)
    return await service.impact(session, actor, beginning, stage=stage, every=every, depth=depth)


def _not_one(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"pointer": pointer, "detail": detail}])
