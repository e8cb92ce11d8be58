"""Links that let somebody without a token do exactly one thing, for minutes.

The signature (HMAC-SHA256) covers the method and everything that the link names, so nothing in it
can be exchanged. Only stores whose bytes pass through this service need them; S3 signs its own.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

from app.blobs.problems import LinkExpired, LinkRefused
from app.blobs.stores.interface import Download, Link, Part

PREFIX = "/api/v1/transfer"


class Links:
    """Makes links and recognises its own."""

    def __init__(self, key: bytes, base_url: str = "") -> None:
        """`base_url` is put before every path, without a slash at its end."""
        self._key = hashlib.sha256(b"stageward links\n" + key).digest()
        self._base_url = base_url

    def to_part(self, upload_id: UUID, part: Part, lifetime: timedelta) -> Link:
        """Where to PUT one part of an upload."""
        named = {
            "offset": str(part.offset),
            "size": str(part.size),
            "sha256": part.sha256 or "",
        }
        path = f"/uploads/{upload_id}/parts/{part.number}"
        return self._link("PUT", path, named, lifetime)

    def to_blob(self, download: Download, lifetime: timedelta) -> Link:
        """Where to GET (or HEAD) one blob, under a file's name and media type."""
        named = {
            "size": str(download.size),
            "name": download.name,
            "type": download.media_type,
        }
        return self._link("GET", f"/blobs/{download.sha256}", named, lifetime)

    def part(self, upload_id: str, number: str, query: Mapping[str, str]) -> tuple[UUID, Part]:
        """The upload and part that a link which came back names, or the problem with it."""
        named = {name: query.get(name, "") for name in ("offset", "size", "sha256")}
        self._check("PUT", f"/uploads/{upload_id}/parts/{number}", named, query)
        offset, size = int(named["offset"]), int(named["size"])
        return UUID(upload_id), Part(int(number), offset, size, named["sha256"] or None)

    def blob(self, sha256: str, query: Mapping[str, str]) -> Download:
        """The download that a link which came back names, or the problem with it."""
        named = {name: query.get(name, "") for name in ("size", "name", "type")}
        self._check("GET", f"/blobs/{sha256}", named, query)
        return Download(sha256, int(named["size"]), named["name"], named["type"])

    def _link(self, method: str, path: str, named: dict[str, str], lifetime: timedelta) -> Link:
        expires_at = (datetime.now(UTC) + lifetime).replace(microsecond=0)
        expires = str(int(expires_at.timestamp()))
        signature = self._signature(method, path, named, expires)
        query = urlencode({**named, "expires": expires, "signature": signature}, quote_via=quote)
        return Link(method, f"{self._base_url}{PREFIX}{path}?{query}", {}, expires_at)

    def _check(
        self, method: str, path: str, named: dict[str, str], query: Mapping[str, str]
    ) -> None:
        expires = query.get("expires", "")
        expected = self._signature(method, path, named, expires).encode()
        # As bytes: a signature with odd characters must be refused, not be a TypeError.
        if not hmac.compare_digest(expected, query.get("signature", "").encode("utf-8", "replace")):
            raise LinkRefused(
                "The link was altered, is incomplete, or was made for something else. Ask for a "
                "new one where this one came from."
            )
        if int(expires) <= time.time():
            raise LinkExpired(
                "The link has expired. Ask for a new one where this one came from; an upload goes "
                "on where it stopped."
            )

    def _signature(self, method: str, path: str, named: dict[str, str], expires: str) -> str:
        said = json.dumps(["v1", method, path, sorted(named.items()), expires])
        digest = hmac.digest(self._key, said.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
