"""The use cases of files, a file for each verb."""

from app.files.service.begin import begin
from app.files.service.complete import complete, give_up
from app.files.service.finalize import finalize, settle
from app.files.service.prove import prove, recheck
from app.files.service.put import put
from app.files.service.register import draft_of, register
from app.files.service.remove import remove
from app.files.service.show import (
    address,
    as_download,
    as_uploads,
    file_at,
    files_of,
    list_files,
    manifest,
    version_address,
)
from app.files.service.sweep import clear_ended, clear_orphans, expire

__all__ = [
    "address",
    "as_download",
    "as_uploads",
    "begin",
    "clear_ended",
    "clear_orphans",
    "complete",
    "draft_of",
    "expire",
    "file_at",
    "files_of",
    "finalize",
    "give_up",
    "list_files",
    "manifest",
    "prove",
    "put",
    "recheck",
    "register",
    "remove",
    "settle",
    "version_address",
]
