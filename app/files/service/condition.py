"""`If-Match` on a file: its `ETag` is its digest."""

from app.blobs.rules import etag
from app.core.etags import check_if_match
from app.core.problems import StaleRevision
from app.files.tables import File


def check_condition(if_match: str | None, file: File | None) -> None:
    """Refuse a change of a file that is not the one that was meant, or not there at all."""
    if file is not None:
        check_if_match(if_match, etag(file.sha256))
    elif if_match is not None:
        raise StaleRevision(
            "There is no file at this path, and If-Match means one. Look at the version's files, "
            "and leave If-Match out to send a new one."
        )
