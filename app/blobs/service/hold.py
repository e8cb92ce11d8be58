"""Holding blobs while something names them."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.core.problems import Unavailable, on_violation

# Said of bytes that are being freed, and meant to tell nobody that they were ever here.
NOT_NOW = (
    "The blob store cannot take these bytes at this moment. Nothing was half-done; send the "
    "request again."
)

on_violation("ck_blobs_doomed", Unavailable, NOT_NOW)
on_violation("fk_version_files_sha256", Unavailable, NOT_NOW)


def not_now() -> Unavailable:
    """These bytes cannot be kept before a sweep is done with them."""
    return Unavailable(NOT_NOW, retry_after=1)


async def hold(
    session: AsyncSession, digests: Collection[str], leaving: Collection[str] = ()
) -> None:
    """Before naming blobs: see that they are there, whole as far as is known, and stay there until
    the transaction ends.

    Those that are about to lose a name (`leaving`) are held along, all of them in one order, so
    that two who exchange blobs wait for each other in turn. Call it once in a transaction.
    """
    found = await queries.held(session, {*digests, *leaving})
    if not found.issuperset(digests):
        raise not_now()
