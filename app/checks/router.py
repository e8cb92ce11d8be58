"""The routes of checks."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.checks import service
from app.checks.problems import CheckOfOtherBytes
from app.checks.rules import MAX_NAME
from app.checks.schemas import CheckInput, CheckName, CheckOutput, Status
from app.core.etags import IfMatch, IfNoneMatch, answer
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import InvalidRequest, NotAllowed, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import Reading, Transaction
from app.edge.routing import api_router
from app.versions import service as versions
from app.versions.dependencies import VersionInModel, VersionToChange, VersionToRead
from app.versions.problems import AmbiguousReference, VersionNotReady
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Checks")

VERSION = "/models/{model}/versions"
Read = Annotated[VersionView, Depends(VersionToRead(Permission.CHECKS_READ))]
NamePath = Annotated[
    CheckName,
    Path(description="The check's name, as written; slashes and all.", examples=["ci/unit"]),
]


@router.put(
    VERSION + "/{n}/checks/{check:path}",
    summary="Report a check",
    responses={
        200: {"description": "It repeats the latest report, which stays.", "headers": RESOLVED},
        201: {
            "description": "The report is kept.",
            "model": CheckOutput,
            "headers": RESOLVED,
        },
        **responses(
            NotFound, NotAllowed, VersionNotReady, CheckOfOtherBytes, InvalidRequest, StaleRevision
        ),
    },
)
async def report_check(
    wanted: CheckInput,
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.CHECKS_REPORT))],
    check: NamePath,
    actor: CurrentActor,
    session: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> CheckOutput:
    """CI's verdict on exactly the bytes of a ready version: `pending` while it runs, then `success`
    or `failure`. Every report is kept; the latest of each name counts. One that says what you said
    last is not written again (200).

    Send the `manifest_sha256` of the files that were checked, so that a verdict on other bytes is
    refused."""
    found, tag, is_new = await service.report(
        session, actor, target.model, target.version, check, wanted, if_match
    )
    response.status_code = 201 if is_new else 200
    response.headers.update(versions.resolved(target.version))
    response.headers["ETag"] = tag
    return found


@router.get(
    VERSION + "/{ref}/checks",
    summary="List a version's checks",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def list_checks(
    view: Read,
    session: Reading,
    request: Request,
    response: Response,
    name: Annotated[
        str | None,
        Query(
            max_length=MAX_NAME,
            description="Only of this name, as written.",
            examples=["ci/unit"],
        ),
    ] = None,
    status: Annotated[Status | None, Query(description="Only of this status.")] = None,
    latest: Annotated[
        bool, Query(description="Only the latest report of each name: what counts.")
    ] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CheckOutput]:
    """Every report, newest first; `is_latest` says which one of each name counts."""
    page = await service.list_checks(
        session, view, name=name, status=status, only_latest=latest, cursor=cursor, limit=limit
    )
    response.headers.update(versions.resolved(view.version))
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    VERSION + "/{ref}/checks/{check:path}",
    summary="Get the latest report of a check",
    response_model=CheckOutput,
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def get_check(
    view: Read,
    check: NamePath,
    session: Reading,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> CheckOutput | Response:
    """What counts of a check on this version: its latest report."""
    found, tag = await service.show(session, view, check)
    response.headers.update(versions.resolved(view.version))
    return answer(if_none_match, response, tag) or found
