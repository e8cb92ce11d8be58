"""What the store holds, and bytes in and out by signed link for stores whose bytes pass through
this service."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.blobs import service, transfer
from app.blobs.links import PREFIX, Links
from app.blobs.problems import (
    BlobMissing,
    LinkExpired,
    LinkRefused,
    PartClash,
    RangeNotSatisfiable,
    UploadClosed,
    WrongDigest,
    WrongSize,
)
from app.blobs.schemas import StorageReport
from app.blobs.stores.interface import Download, Part, TakesParts
from app.core.actor import Actor
from app.core.problems import (
    InternalError,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    StaleRevision,
    Unavailable,
)
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading
from app.edge.routing import api_router

storage = api_router("Storage")
transfers = APIRouter(prefix=PREFIX, tags=["Files"])
Size = Annotated[str, Query(description="How many bytes it has, exactly.")]
Expires = Annotated[str, Query(description="When the link ends, in seconds since 1970.")]
Signature = Annotated[str, Query(description="What makes the rest of the link unalterable.")]
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ALWAYS = (LinkRefused, LinkExpired, InvalidRequest, InternalError, Unavailable)


@storage.get("/storage", summary="What the blobs take")
async def get_storage(
    session: Reading, _: Annotated[Actor, Depends(Allowed(Permission.STORAGE_READ))]
) -> StorageReport:
    """How many bytes all versions come to, how many are stored for them, what storing equal bytes
    once saves, and what waits to be freed; all at one instant. It takes the global role admin,
    because it tells of every model."""
    return await service.report(session)


def signed_part(
    *,
    runtime: CurrentRuntime,
    upload_id: Annotated[
        str, Path(description="The upload.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a84"])
    ],
    number: Annotated[str, Path(description="The number of the part, from 1 on.", examples=["1"])],
    offset: Annotated[str, Query(description="Where in the file the part begins.")] = "",
    size: Size = "",
    sha256: Annotated[str, Query(description="Its digest; empty where none was said.")] = "",
    expires: Expires = "",
    signature: Signature = "",
) -> tuple[UUID, Part]:
    """The part that this link lets anyone send."""
    query = {
        "offset": offset,
        "size": size,
        "sha256": sha256,
        "expires": expires,
        "signature": signature,
    }
    return Links(runtime.settings.signing_key).part(upload_id, number, query)


def signed_download(
    *,
    runtime: CurrentRuntime,
    sha256: Annotated[str, Path(description="The digest of the bytes.", examples=[DIGEST])],
    size: Size = "",
    name: Annotated[str, Query(description="The file's name, for saving it.")] = "",
    media_type: Annotated[str, Query(alias="type", description="The file's media type.")] = "",
    expires: Expires = "",
    signature: Signature = "",
) -> Download:
    """The file that this link lets anyone read."""
    query = {
        "size": size,
        "name": name,
        "type": media_type,
        "expires": expires,
        "signature": signature,
    }
    return Links(runtime.settings.signing_key).blob(sha256, query)


@transfers.put(
    "/uploads/{upload_id}/parts/{number}",
    summary="Send one part of an upload",
    status_code=204,
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": BYTES}},
    responses={
        204: {
            "description": "The part is whole and on the disk.",
            "headers": {"ETag": {"description": "Its digest.", "schema": {"type": "string"}}},
        },
        **responses(
            *ALWAYS, MalformedRequest, NotFound, UploadClosed, PartClash, WrongSize, WrongDigest
        ),
    },
)
async def send_part(
    request: Request,
    runtime: CurrentRuntime,
    signed: Annotated[tuple[UUID, Part], Depends(signed_part)],
) -> Response:
    """Follow the link as the upload gave it, without a token: the body is exactly the part's bytes.
    Parts may be sent in any order, in parallel, and again; a part that was cut off does not count
    and is simply sent again."""
    upload_id, part = signed
    if not isinstance(runtime.store, TakesParts):
        raise NotFound("This service does not take bytes itself. Ask the upload for new links.")
    transfer.check_length(request, part.size)
    stored = await runtime.store.write_part(upload_id, part, request.stream())
    return Response(status_code=204, headers={"ETag": f'"{stored.sha256}"'})


@transfers.head(
    "/blobs/{sha256}",
    summary="Look at a file by its link",
    response_class=Response,
    responses=responses(*ALWAYS, BlobMissing, StaleRevision),
)
@transfers.get(
    "/blobs/{sha256}",
    summary="Download a file by its link",
    response_class=Response,
    responses={
        200: {"description": "The whole file.", "content": BYTES},
        206: {"description": "The bytes that `Range` asked for.", "content": BYTES},
        304: {"description": "`If-None-Match` names these very bytes."},
        **responses(*ALWAYS, BlobMissing, StaleRevision, RangeNotSatisfiable),
    },
)
async def download_blob(
    request: Request,
    runtime: CurrentRuntime,
    download: Annotated[Download, Depends(signed_download)],
) -> Response:
    """Follow the link as the file or the manifest gave it, without a token. `Range` with `If-Range`
    resumes a download; `Repr-Digest` and `ETag` say the SHA-256 of the whole file."""
    return await transfer.respond(request, runtime.store, download)


router = APIRouter()
router.include_router(storage)
router.include_router(transfers)
