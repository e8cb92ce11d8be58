"""Files as they are shown."""

from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.stores.interface import Download
from app.blobs.transfer import LINK_LIFETIME
from app.core.pages import Page, cut, decode_cursor, encode_cursor
from app.core.problems import NotFound
from app.core.runtime import Runtime
from app.files import queries
from app.files.queries import files_of
from app.files.rules import is_path
from app.files.schemas import (
    FileOutput,
    ManifestFile,
    ManifestOutput,
    PartOutput,
    UploadOutput,
    UploadsOutput,
)
from app.files.service.begin import Offer
from app.files.tables import File
from app.models import service as models
from app.models.tables import Model
from app.versions.schemas import RecalledOutput
from app.versions.service import VersionView
from app.versions.tables import Version

__all__ = [
    "address",
    "as_download",
    "as_uploads",
    "file_at",
    "files_of",
    "list_files",
    "manifest",
    "version_address",
]


async def list_files(
    session: AsyncSession, version: Version, cursor: str | None, limit: int
) -> Page[FileOutput]:
    """A page of a version's files, by path."""
    key = decode_cursor(cursor, 1)
    rows = await queries.page(session, version.id, None if key is None else key[0], limit)
    files, more = cut(rows, limit)
    return Page(
        items=[FileOutput.model_validate(file) for file in files],
        next_cursor=encode_cursor(files[-1].path) if more else None,
    )


async def file_at(session: AsyncSession, version: Version, path: str) -> File:
    """The file at a path, or a 404."""
    found = await queries.file_at(session, version.id, path) if is_path(path) else None
    if found is None:
        raise NotFound(f"Version {version.number} has no file `{path[:200]}`.")
    return found


def version_address(model: Model, version: Version) -> str:
    """Where a version is found."""
    return f"/api/v1/models/{models.quoted(model.name)}/versions/{version.number}"


def address(model: Model, version: Version, path: str) -> str:
    """Where a file is found."""
    return f"{version_address(model, version)}/files/{quote(path)}"


def as_download(file: File) -> Download:
    """A file as the store sends it."""
    name = file.path.rpartition("/")[2]
    return Download(sha256=file.sha256, size=file.size, name=name, media_type=file.media_type)


async def manifest(runtime: Runtime, view: VersionView, files: list[File]) -> ManifestOutput:
    """All of a version's files with a signed link each."""
    links = await runtime.store.link_downloads([as_download(f) for f in files], LINK_LIFETIME)
    recalled = view.version.recalled
    return ManifestOutput(
        model=view.model,
        number=view.version.number,
        manifest_sha256=view.version.manifest_sha256,
        recalled=None if recalled is None else RecalledOutput.model_validate(recalled),
        files=[
            ManifestFile(
                path=file.path,
                size=file.size,
                sha256=file.sha256,
                media_type=file.media_type,
                url=link.url,
                expires_at=link.expires_at,
            )
            for file, link in zip(files, links, strict=True)
        ],
    )


def as_uploads(offers: list[Offer]) -> UploadsOutput:
    """The answer to asking for uploads."""
    return UploadsOutput(uploads=[_as_upload(offer) for offer in offers])


def _as_upload(offer: Offer) -> UploadOutput:
    upload = offer.upload
    required = upload.status != "completed"
    return UploadOutput(
        id=upload.id,
        path=upload.path,
        status="required" if required else "present",
        parts=[
            PartOutput(
                number=part.number,
                offset=part.offset,
                size=part.size,
                url=link.url,
                headers=dict(link.headers),
                uploaded=uploaded,
            )
            for part, link, uploaded in offer.parts
        ],
        expires_at=min((link.expires_at for _, link, _ in offer.parts), default=None),
        kept_until=upload.expires_at if required else None,
    )
