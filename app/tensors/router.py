"""The route of tensors."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from app.access.table import Permission
from app.core.pages import Cursor, Limit, cut, decode_cursor, encode_cursor, link_next
from app.core.problems import InvalidRequest, NotFound
from app.core.problems_docs import responses
from app.core.runtime import Reading
from app.edge.routing import api_router
from app.files import service as files
from app.files.tables import File
from app.tensors import service
from app.tensors.rules import as_metadata
from app.tensors.schemas import TensorOutput, TensorsOutput
from app.tensors.tables import TensorHeader, TensorRow
from app.versions import service as versions
from app.versions.dependencies import VersionToRead
from app.versions.problems import AmbiguousReference
from app.versions.schemas import RESOLVED
from app.versions.service import VersionView

router = api_router("Files")


@router.get(
    "/models/{model}/versions/{ref}/tensors",
    summary="List the tensors of a file",
    responses={
        200: {"headers": RESOLVED},
        **responses(NotFound, InvalidRequest, AmbiguousReference),
    },
)
async def list_tensors(
    view: Annotated[VersionView, Depends(VersionToRead(Permission.FILES_READ))],
    session: Reading,
    request: Request,
    response: Response,
    path: Annotated[
        str,
        Query(
            max_length=1024,
            description="The path of a file whose name ends in `.safetensors`.",
            examples=["model/weights.safetensors"],
        ),
    ],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> TensorsOutput:
    """The tensors that the header of a safetensors file names, by name, each with the digest of its
    own bytes. A job reads the header once for equal bytes, soon after the file was attached;
    nothing is ever loaded. A header that contradicts itself or the file is `unreadable`, and says
    why; the version is as good as before."""
    key = decode_cursor(cursor, 1)
    file = await files.file_at(session, view.version, path)
    if not service.is_named(path):
        detail = "Only files whose name ends in `.safetensors` are read."
        raise InvalidRequest(detail, errors=[{"pointer": "path", "detail": detail}])
    header = (await service.headers(session, [file.sha256])).get(file.sha256)
    found = await service.page(session, file.sha256, None if key is None else key[0], limit)
    rows, more = cut(found, limit)
    page = _output(file, header, rows, more=more)
    response.headers.update(versions.resolved(view.version))
    link_next(request, response, page.next_cursor)
    return page


def _output(
    file: File, header: TensorHeader | None, rows: list[TensorRow], *, more: bool
) -> TensorsOutput:
    return TensorsOutput(
        path=file.path,
        sha256=file.sha256,
        status="pending" if header is None else header.status,
        reason=header and header.reason,
        hashed=header is not None and header.hashed_at is not None,
        tensors_count=header.tensors_count if header else 0,
        parameters=header.parameters if header else 0,
        metadata=as_metadata(header.metadata_) if header else {},
        metadata_left_out=header.metadata_left_out if header else 0,
        items=[
            TensorOutput(
                name=row.name,
                dtype=row.dtype,
                shape=row.shape,
                start=row.start,
                stop=row.stop,
                sha256=row.digest,
            )
            for row in rows
        ],
        next_cursor=encode_cursor(rows[-1].name) if more else None,
    )
