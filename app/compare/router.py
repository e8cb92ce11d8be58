"""The route of comparisons."""

import json
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.compare import service
from app.compare.rules.asked import parse_baseline, parse_versions
from app.compare.rules.page import as_page
from app.compare.schemas import CompareOutput
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.models.dependencies import ModelToRead
from app.models.tables import Model
from app.versions.problems import AmbiguousReference

router = api_router("Knowing")
MARKDOWN = "text/markdown"
TEXT = {MARKDOWN: {"schema": {"type": "string"}}}


@router.get(
    "/models/{model}/compare",
    summary="Compare versions",
    response_model=CompareOutput,
    responses={
        200: {"description": "What differs.", "content": TEXT},
        **responses(NotFound, AmbiguousReference, InvalidRequest),
    },
)
async def compare_versions(
    model: Annotated[Model, Depends(ModelToRead(Permission.VERSIONS_READ))],
    actor: CurrentActor,
    session: Reading,
    request: Request,
    versions: Annotated[
        str,
        Query(
            max_length=6000,
            description="2 to 20 references with commas between them: numbers, `@alias`, `latest`, "
            "stages, names; those of another model after its name and a slash "
            "(`fraud/production`). No two may be the same version.",
            examples=["3,5,production"],
        ),
    ],
    baseline: Annotated[
        str | None,
        Query(
            max_length=300,
            description="The one that the others are compared with, as it stands in `versions`; "
            "left out, the first.",
            examples=["production"],
        ),
    ] = None,
    differs: Annotated[
        bool | None,
        Query(
            description="Only rows that differ. Left out, JSON has every row, and Markdown those "
            "that differ.",
        ),
    ] = None,
    format: Annotated[
        Literal["json", "markdown"] | None,
        Query(
            description="`markdown`: tables for a pull request, within the 65,536 characters that "
            "a comment may have. Left out, what `Accept` prefers.",
            examples=["markdown"],
        ),
    ] = None,
) -> Response:
    """What 2 to 20 versions have in common and where they differ: results and which is better,
    params, data by digest, preprocessing, code with the range of commits, the environment package
    by package, and files by digest.

    Every row has a value for each version, in the order in which they were named, and says how each
    stands to the baseline. The Markdown is the same for the same facts, and nothing that somebody
    wrote is Markdown in it: it can be posted on a pull request as it is."""
    named = parse_versions(versions, model.name)
    place = parse_baseline(baseline, named)
    is_page = format == "markdown" or (format is None and _prefers_markdown(request))
    only = is_page if differs is None else differs
    found = await service.compare(session, actor, model, named, place, only_differing=only)
    if is_page:
        return Response(as_page(found), media_type=f"{MARKDOWN}; charset=utf-8")
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(body, media_type="application/json")


def _prefers_markdown(request: Request) -> bool:
    """Whether Markdown is the first that the client names."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.split(";")[0].strip().lower() == MARKDOWN
