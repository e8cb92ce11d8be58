"""The routes of the record's seals."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.pages import Cursor, Limit, link_next
from app.core.problems import InvalidRequest
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime
from app.edge.routing import api_router
from app.seals import service
from app.seals.keys import signer
from app.seals.rules import Seal
from app.seals.schemas import CheckpointPage, Verification

router = api_router("Events")

JSON_LINES = "application/x-ndjson"
AfterSeq = Annotated[
    int,
    Query(
        ge=0,
        le=2**62,
        description="Only what is behind this seal, which a checkpoint must sign: go on from one "
        "that you verified before. 0: the whole record.",
    ),
]


async def _start(runtime: CurrentRuntime, after_seq: AfterSeq = 0) -> Seal | None:
    """The seal behind which to begin."""
    return await service.starting_point(runtime, after_seq)


Start = Annotated[Seal | None, Depends(_start)]


@router.get(
    "/events/verify",
    summary="Verify the record",
    responses=responses(InvalidRequest),
    dependencies=[Depends(Allowed(Permission.EVENTS_VERIFY))],
)
async def verify_events(
    runtime: CurrentRuntime,
    start: Start,
    checkpoint: Annotated[
        str | None,
        Query(
            max_length=100,
            description="A checkpoint that you kept elsewhere, as `seq:hash`: the record must "
            "still hold it. This finds an end that was cut off.",
            examples=["1307:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ] = None,
) -> Verification:
    """Look at every event: recompute its digests, the chain of seals, and the signatures.

    An event that was edited, deleted, inserted or put at another place is found and named, whoever
    did it, and so is a chain that was calculated anew. A million events take about a
    minute, during which other requests are served. Whoever asks while a verification runs in the
    same process gets its answer."""
    kept = service.kept(checkpoint, start.seq if start else 0)
    verdict = await service.verify(runtime, start, kept)
    return Verification.of(verdict, signer(runtime.settings).public.id)


@router.get(
    "/events/export",
    summary="Export the record",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The record in JSON Lines, in its order: a beginning, events with their "
            "salts and seals, checkpoints, an end.",
            "content": {JSON_LINES: {"schema": {"type": "string"}}},
        },
        **responses(InvalidRequest),
    },
    dependencies=[Depends(Allowed(Permission.EVENTS_EXPORT))],
)
async def export_events(runtime: CurrentRuntime, start: Start) -> StreamingResponse:
    """All that it takes to verify the record elsewhere, without a database:
    `python -m app verify-events export.jsonl --key <public key>`. The key is that of
    `GET /events/checkpoints`, kept since before.

    A transfer that was cut off lacks its last line, and the verifier says so."""
    return StreamingResponse(
        service.export(runtime, start),
        media_type=JSON_LINES,
        headers={"Content-Disposition": 'attachment; filename="record.jsonl"'},
    )


@router.get(
    "/events/checkpoints",
    summary="List checkpoints",
    responses=responses(InvalidRequest),
    dependencies=[Depends(Allowed(Permission.EVENTS_VERIFY))],
)
async def list_checkpoints(
    runtime: CurrentRuntime,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CheckpointPage:
    """The signed heads of the chain, the newest first, and the public keys.

    Keep the newest where the administrators of this service cannot write: what was sealed before
    it can then neither be changed nor cut off unseen."""
    page = await service.page(runtime, cursor, limit)
    link_next(request, response, page.next_cursor)
    return page
