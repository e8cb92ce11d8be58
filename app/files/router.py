"""The routes of files and uploads."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request, Response

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.blobs.problems import (
    BlobMissing,
    PartsMissing,
    RangeNotSatisfiable,
    UploadClosed,
    WrongDigest,
    WrongSize,
)
from app.blobs.rules import MEDIA_TYPE, etag
from app.blobs.transfer import respond
from app.core.etags import IfMatch
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import (
    Conflict,
    InvalidRequest,
    MalformedRequest,
    NotAllowed,
    NotFound,
    StaleRevision,
)
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading, Transaction
from app.edge.routing import api_router
from app.files import service
from app.files.dependencies import checked_path, whole_body
from app.files.problems import FilesMissing
from app.files.schemas import (
    MAX_MEDIA_TYPE,
    CompletedOutput,
    FileOutput,
    ManifestOutput,
    UploadsInput,
    UploadsOutput,
)
from app.idempotency.service import answered_anew
from app.versions import service as versions
from app.versions.dependencies import (
    VersionInModel,
    VersionToChange,
    VersionToRead,
    VersionToReadFrom,
    VersionToTransfer,
)
from app.versions.problems import AmbiguousReference, VersionIsReady
from app.versions.rendering import JSON
from app.versions.schemas import RESOLVED, VersionOutput
from app.versions.service import VersionView

router = api_router("Files")

VERSION = "/models/{model}/versions"
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
ToTransfer = Annotated[VersionInModel, Depends(VersionToTransfer(Permission.FILES_WRITE))]
PathInVersion = Annotated[str, Depends(checked_path)]
AnyPath = Annotated[
    str,
    Path(description="The file's path in the version.", examples=["model/weights.safetensors"]),
]
UploadId = Annotated[
    UUID, Path(description="The upload's id.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a84"])
]
FORM = "application/x-www-form-urlencoded"  # what curl says where nobody said anything


def _is_media_type(said: str) -> bool:
    return len(said) <= MAX_MEDIA_TYPE and MEDIA_TYPE.fullmatch(said) is not None


@router.put(
    VERSION + "/{n}/files/{path:path}",
    summary="Send a file in one request",
    openapi_extra={"requestBody": {"required": True, "content": BYTES}},
    dependencies=[Depends(whole_body)],
    responses={
        201: {"description": "The file is new.", "model": FileOutput},
        **responses(
            NotFound,
            NotAllowed,
            VersionIsReady,
            MalformedRequest,
            InvalidRequest,
            WrongDigest,
            WrongSize,
            StaleRevision,
        ),
    },
)
async def put_file(
    target: ToTransfer,
    path: PathInVersion,
    actor: CurrentActor,
    runtime: CurrentRuntime,
    request: Request,
    response: Response,
    x_content_sha256: Annotated[
        str | None,
        Header(
            pattern="^[0-9a-f]{64}$",
            description="The SHA-256 of the bytes; others are refused with a 422.",
        ),
    ] = None,
    if_match: IfMatch = None,
) -> FileOutput:
    """The body is the file: streamed, any size, with `Content-Length` or chunked. A second PUT of a
    path of a draft replaces it. The simplest way is `curl -T model.pkl`; for large files and bad
    networks, uploads in parts can be resumed.

    `Content-Type` becomes the file's media type. `If-Match` replaces only these very bytes. What
    can be refused without the bytes is refused before they are sent, where the client waits for
    `100 Continue`."""
    length = request.headers.get("content-length", "")
    said = request.headers.get("content-type", "")
    file, is_new = await service.put(
        runtime,
        actor,
        target,
        path,
        request.stream(),
        size=int(length) if length.isascii() and length.isdigit() else None,
        sha256=x_content_sha256,
        media_type=said if said != FORM and _is_media_type(said) else None,
        if_match=if_match,
    )
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = etag(file.sha256)
    if is_new:
        response.headers["Location"] = service.address(target.model, target.version, path)
    return FileOutput.model_validate(file)


@router.delete(
    VERSION + "/{n}/files/{path:path}",
    status_code=204,
    summary="Take a file out of a draft",
    responses=responses(NotFound, NotAllowed, VersionIsReady, StaleRevision),
)
async def remove_file(
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.FILES_WRITE))],
    path: AnyPath,
    actor: CurrentActor,
    session: Transaction,
    if_match: IfMatch = None,
) -> None:
    """Take out a file, or the declaration of one that has not arrived. Its bytes are freed when
    nothing else names them."""
    await service.remove(session, actor, target, path, if_match)


@router.post(
    VERSION + "/{n}/uploads",
    status_code=201,
    summary="Begin or resume uploads",
    responses=responses(NotFound, NotAllowed, VersionIsReady, InvalidRequest),
)
@answered_anew
async def begin_uploads(
    wanted: UploadsInput, target: ToTransfer, actor: CurrentActor, runtime: CurrentRuntime
) -> UploadsOutput:
    """Say which files are to come, and get for each its parts with a signed link to send each to:
    PUT the part's bytes, without a token, in any order, in parallel, again where it failed.

    Asking again gives what is left, with fresh links. `present` means that the bytes are stored in
    a version that you can read, and that the file is attached already."""
    return service.as_uploads(await service.begin(runtime, actor, target, wanted.files))


@router.post(
    VERSION + "/{n}/uploads/{upload_id}/complete",
    summary="Complete an upload",
    responses=responses(
        NotFound, NotAllowed, PartsMissing, UploadClosed, WrongDigest, WrongSize, VersionIsReady
    ),
)
@answered_anew
async def complete_upload(
    target: ToTransfer, upload_id: UploadId, actor: CurrentActor, runtime: CurrentRuntime
) -> CompletedOutput:
    """Have the bytes proven and the file attached. Other bytes than were declared are a 422, and
    nothing is attached; the file stays declared and can be sent again.

    Where reading the bytes back takes longer than a request should, `verified` is false: a job
    proves them. Finalize the version meanwhile; it is `verifying` until they are proven."""
    return CompletedOutput(verified=await service.complete(runtime, actor, target, upload_id))


@router.delete(
    VERSION + "/{n}/uploads/{upload_id}",
    status_code=204,
    summary="Give an upload up",
    responses=responses(NotFound, NotAllowed, UploadClosed, VersionIsReady),
)
async def give_up_upload(
    target: ToTransfer, upload_id: UploadId, actor: CurrentActor, runtime: CurrentRuntime
) -> None:
    """Forget an upload: the file is not declared any more, and what was sent is freed."""
    await service.give_up(runtime, actor, target, upload_id)


@router.post(
    VERSION + "/{n}/finalize",
    summary="Make a version ready",
    response_model=VersionOutput,
    responses={
        202: {
            "description": "Its bytes are being proven: `verifying`. Look at `Location` until it "
            "is `ready` or `failed`.",
            "model": VersionOutput,
        },
        **responses(NotFound, NotAllowed, FilesMissing, Conflict),
    },
)
async def finalize_version(
    target: Annotated[VersionInModel, Depends(VersionToChange(Permission.FILES_WRITE))],
    actor: CurrentActor,
    session: Transaction,
) -> Response:
    """Freeze a draft: from now on its files and its recipe never change. A 409 lists the files that
    were declared and have not arrived. A version that is ready already stays as it is.

    Where bytes that went straight to the store are still being proven, it is `verifying` (202) and
    becomes `ready` by itself, or `failed` where other bytes came than were declared."""
    version = await service.finalize(session, actor, target.model, target.version)
    body, tag = await versions.show(session, actor, version)
    headers, status = {"ETag": tag}, 200
    if version.status == "verifying":
        headers["Location"], status = service.version_address(target.model, version), 202
    return Response(body, status, headers, media_type=JSON)


@router.get(
    VERSION + "/{ref}/files",
    summary="List a version's files",
    responses={200: {"headers": RESOLVED}, **responses(NotFound, AmbiguousReference)},
)
async def list_files(
    view: Annotated[VersionView, Depends(VersionToRead(Permission.FILES_READ))],
    session: Reading,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[FileOutput]:
    """The files that are attached, by path."""
    page = await service.list_files(session, view.version, cursor, limit)
    response.headers.update(versions.resolved(view.version))
    link_next(request, response, page.next_cursor)
    return page


@router.head(
    VERSION + "/{ref}/files/{path:path}",
    summary="Look at a file",
    response_class=Response,
    responses={
        200: {"description": "What a GET would answer, without the bytes.", "headers": RESOLVED},
        304: {"description": "`If-None-Match` names these very bytes."},
        **responses(NotFound, BlobMissing, StaleRevision, AmbiguousReference),
    },
)
@router.get(
    VERSION + "/{ref}/files/{path:path}",
    summary="Download a file",
    response_class=Response,
    responses={
        200: {"description": "The whole file.", "content": BYTES, "headers": RESOLVED},
        206: {
            "description": "The bytes that `Range` asked for.",
            "content": BYTES,
            "headers": RESOLVED,
        },
        304: {"description": "`If-None-Match` names these very bytes."},
        307: {"description": "A signed link to the bytes: follow it, without the token."},
        **responses(NotFound, BlobMissing, StaleRevision, RangeNotSatisfiable, AmbiguousReference),
    },
)
async def get_file(
    view: Annotated[VersionView, Depends(VersionToReadFrom(Permission.FILES_READ))],
    path: AnyPath,
    runtime: CurrentRuntime,
    request: Request,
) -> Response:
    """The bytes, or a redirect to where they are; follow it (`curl -L`). `ETag` and `Repr-Digest`
    are the SHA-256; `Range` with `If-Range` resumes a download."""
    async with runtime.db.reading() as session:
        file = await service.file_at(session, view.version, path)
    answer = await respond(request, runtime.store, service.as_download(file))
    answer.headers.update(versions.resolved(view.version))
    return answer


@router.get(
    VERSION + "/{ref}/manifest",
    summary="Get everything needed to download a version",
    responses=responses(NotFound, AmbiguousReference),
)
async def get_manifest(
    view: Annotated[VersionView, Depends(VersionToReadFrom(Permission.FILES_READ))],
    runtime: CurrentRuntime,
) -> ManifestOutput:
    """Every file with its digest and a signed link, in one call. `manifest_sha256` can be
    recomputed from what `sha256sum` prints for the files, sorted by path."""
    async with runtime.db.reading() as session:
        files = await service.files_of(session, view.version.id)
    return await service.manifest(runtime, view, files)
