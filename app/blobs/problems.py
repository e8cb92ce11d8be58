"""What can be wrong with bytes on their way in or out."""

from app.core.problems import Problem


class LinkRefused(Problem):
    """The signed link is incomplete, was altered, or was made for something else. A link is good
    for exactly one object and method. Ask for a new one where this one came from: the upload, the
    file, or the manifest."""

    slug = "link-refused"
    title = "This link is not valid"
    status = 403
    example = "The link was altered or is incomplete. Ask for a new one."


class LinkExpired(Problem):
    """The signed link was valid, but its time is over: links live for minutes. Ask for a new one
    where this one came from; an upload goes on where it stopped."""

    slug = "link-expired"
    title = "This link has expired"
    status = 403


class UploadClosed(Problem):
    """The upload takes no bytes any more: it was completed, given up, or expired. Where the file is
    still wanted, ask for a new upload."""

    slug = "upload-closed"
    title = "The upload is closed"
    status = 409


class PartsMissing(Problem):
    """Not every part of the upload has arrived whole. `missing` lists the numbers of those that
    have not (the first hundred). Ask for the upload again to get links to them, send them, then
    complete it."""

    slug = "parts-missing"
    title = "Parts are missing"
    status = 409
    example = "Of 12 parts, 2 have not arrived: 3, 7. Send them, then complete the upload."


class PartClash(Problem):
    """Two requests sent the same part at the same time with different bytes. The one that ended
    first counts; this one changed nothing. Make sure which bytes are right, then send the part
    again."""

    slug = "part-clash"
    title = "The part was sent twice with different bytes"
    status = 409


class WrongSize(Problem):
    """More or fewer bytes came than were announced. None of them count. Send exactly the bytes
    that were announced."""

    slug = "wrong-size"
    title = "The number of bytes is wrong"
    status = 422
    example = "1000 bytes were announced and 980 came. Nothing was kept; send them again."


class WrongDigest(Problem):
    """The bytes that came have another SHA-256 than was announced: they were altered on the way,
    or the announcement is wrong. None of them count. Compute the digest again and send the bytes
    again."""

    slug = "wrong-digest"
    title = "The bytes have another digest"
    status = 422


class BlobMissing(Problem):
    """The store does not hold these bytes whole, although it should. Nothing that a caller does
    can mend it: tell your operator, for whom `python -m app doctor` finds the cause."""

    slug = "blob-missing"
    title = "The store does not hold these bytes"
    status = 404


class RangeNotSatisfiable(Problem):
    """The `Range` that was asked for lies outside the file. `Content-Range` says how many bytes
    the file has."""

    slug = "range-not-satisfiable"
    title = "The range lies outside the file"
    status = 416
    example = "The file has 1000 bytes, so no byte at 1000 or later. Ask for a range within it."


def wrong_size(announced: int, came: int | None) -> WrongSize:
    """Other than the announced number of bytes came (None: more)."""
    found = "more" if came is None else came
    return WrongSize(
        f"{announced} bytes were announced and {found} came. Nothing was kept; send exactly the "
        "bytes that were announced."
    )


def wrong_digest(announced: str, found: str) -> WrongDigest:
    """The bytes that came are not those that were announced."""
    return WrongDigest(
        f"SHA-256 {announced} was announced, and the bytes that came have {found}. Nothing was "
        "kept; compute the digest again and send the bytes again.",
        extra={"expected": announced, "found": found},
    )


def blob_missing(sha256: str) -> BlobMissing:
    """The store does not hold this blob whole."""
    return BlobMissing(
        f"The store does not hold all bytes of {sha256}, although it should. Tell your operator, "
        "for whom `python -m app doctor` finds the cause."
    )
