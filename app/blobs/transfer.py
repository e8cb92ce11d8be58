"""Sending a blob as an answer: shared by every route that gives bytes away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.blobs import rules
from app.blobs.problems import RangeNotSatisfiable, blob_missing, wrong_size
from app.blobs.stores.interface import BlobStore, Download
from app.core.errors import render
from app.core.problems import StaleRevision

LINK_LIFETIME = timedelta(minutes=15)
# Conditions that a client repeats at the store, to which our entity tags mean nothing: then the
# bytes pass through this service.
_CONDITIONS = frozenset({"if-match", "if-range"})


def check_length(request: Request, size: int) -> None:
    """Refuse a body that announces another length, before any of it is read."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) != size:
        raise wrong_size(size, int(announced))


async def respond(request: Request, store: BlobStore, download: Download) -> Response:
    """The answer to a GET or HEAD of this file, as its conditions and its `Range` ask for it.

    `BlobMissing` where the store does not hold it whole.
    """
    tag = rules.etag(download.sha256)
    chosen = rules.select(request.method, request.headers, tag, download.size)
    if chosen.status == 412:
        raise StaleRevision(f"The file is {tag}, and If-Match names another. Ask for it again.")
    if chosen.status == 304:
        return Response(status_code=304, headers={"ETag": tag, **_CACHING})
    if chosen.status == 416:
        return _outside(request, download)
    if await store.size(download.sha256) != download.size:
        raise blob_missing(download.sha256)
    about = {
        "Content-Disposition": rules.attachment(download.name),
        "X-Content-Type-Options": "nosniff",
        "ETag": tag,
        "Repr-Digest": rules.repr_digest(download.sha256),
    }
    if store.is_direct and request.method == "GET" and _CONDITIONS.isdisjoint(request.headers):
        return await _redirect(store, download, about)
    headers = {
        "Content-Type": rules.media_type(download.media_type),
        "Content-Length": str(chosen.end - chosen.start),
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Accept-Ranges": "bytes",
        **about,
        **_CACHING,
    }
    if chosen.status == 206:
        headers["Content-Range"] = f"bytes {chosen.start}-{chosen.end - 1}/{download.size}"
    if request.method == "HEAD" or chosen.start == chosen.end:
        return _Head(chosen.status, headers)
    return BlobResponse(
        store.read(download.sha256, chosen.start, chosen.end), chosen.status, headers
    )


# Never altered on the way (the digest would be wrong), and never kept for somebody else.
_CACHING = {"Cache-Control": "private, no-transform"}


async def _redirect(store: BlobStore, download: Download, about: dict[str, str]) -> Response:
    """The way to the bytes, which asks for the same range there. It ends in minutes, so nobody
    may keep it."""
    [link] = await store.link_downloads([download], LINK_LIFETIME)
    headers = {"Location": link.url, "Cache-Control": "no-store", **about}
    return Response(status_code=307, headers=headers)


def _outside(request: Request, download: Download) -> Response:
    problem = RangeNotSatisfiable(
        f"The file has {download.size} bytes, and the range that was asked for lies outside it. "
        "Ask for a range within it."
    )
    return render(request, problem, {"Content-Range": f"bytes */{download.size}"})


class _Head(Response):
    """A status and headers, their `Content-Length` as it is."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status)
        self.raw_headers = _raw(headers)


class BlobResponse(Response):
    """Bytes from the store, sent at the client's pace; reading ends when the client goes away."""

    def __init__(self, pieces: AsyncGenerator[bytes], status: int, headers: dict[str, str]) -> None:
        """`headers` must hold the exact `Content-Length`."""
        super().__init__(status_code=status)
        self.raw_headers = _raw(headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. The first piece is read before anything is sent, so that a fault can be told."""
        gone = asyncio.create_task(_disconnected(receive))
        try:
            async with aclosing(self._pieces) as pieces:
                ready = await anext(pieces)
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                await _send_all(ready, pieces, send, gone)
        finally:
            gone.cancel()


async def _send_all(
    first: bytes, pieces: AsyncGenerator[bytes], send: Send, gone: "asyncio.Task[None]"
) -> None:
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for piece in pieces:
        if gone.done():
            return  # the server sends what we give it to nobody, without an error
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
