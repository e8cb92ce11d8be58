"""The route of a recipe."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.core.etags import IfNoneMatch, document
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.reproduction import script, service
from app.reproduction.schemas import RecipeOutput
from app.versions import service as versions
from app.versions.dependencies import VersionToRead
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Knowing")

SCRIPT = "text/x-shellscript"


@router.get(
    "/models/{model}/versions/{ref}/reproduce",
    summary="Make a version again",
    response_model=RecipeOutput,
    responses={
        200: {"headers": RESOLVED, "content": {SCRIPT: {"schema": {"type": "string"}}}},
        **responses(NotFound, AmbiguousReference, InvalidRequest),
    },
)
async def reproduce_version(
    view: Annotated[VersionView, Depends(VersionToRead(Permission.VERSIONS_READ))],
    actor: CurrentActor,
    session: Reading,
    format_: Annotated[
        Literal["json", "sh"],
        Query(
            alias="format",
            description="`json`: the recipe. `sh`: a script for a POSIX shell that follows it.",
        ),
    ] = "json",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The recipe of a version, and what is missing to make the version again.

    The script checks the code out, makes the environment, and checks the data by their digests.
    Only with `--run` it also runs the training, and compares its metrics with the version's. It
    quotes every value; nothing that somebody wrote into the recipe is read as a command. The same
    recipe gives the same bytes, and the `ETag` is theirs."""
    recipe = await service.recipe_of(session, actor, view)
    headers = versions.resolved(view.version)
    if format_ == "json":
        content = recipe.model_dump_json().encode()
        return document(if_none_match, content, media_type="application/json", headers=headers)
    headers["Content-Disposition"] = 'attachment; filename="reproduce.sh"'
    content = script.write(recipe).encode()
    return document(if_none_match, content, media_type=SCRIPT, headers=headers)
