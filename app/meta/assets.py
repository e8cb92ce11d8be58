"""The browser files that this room serves itself, so that its pages work offline."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
_FILES = {
    "docs.css": ROOT / "docs.css",
    "docs.js": ROOT / "docs.js",
    "logo.svg": ROOT / "logo.svg",
    "signed-in.js": ROOT / "signed-in.js",
    **{
        name: ROOT / "swagger-ui" / name
        for name in (
            "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css",
            "LICENSE",
            "NOTICE",
        )
    },
}


@dataclass(frozen=True)
class Asset:
    """A file in memory, as it is and compressed."""

    media_type: str
    content: bytes
    compressed: bytes | None
    digest: str


@cache
def asset(name: str) -> Asset | None:
    """The file of this name; None where there is none. Read once and kept."""
    if name not in _FILES:
        return None
    path = _FILES[name]
    content = path.read_bytes()
    # The timestamp is fixed so that every process compresses to the same bytes.
    packed = gzip.compress(content, mtime=0) if path.suffix in {".css", ".js", ".svg"} else None
    return Asset(_TYPES[path.suffix], content, packed, hashlib.sha256(content).hexdigest())


def address(name: str) -> str:
    """Where the page finds the file; it changes with the content, so it may be cached for ever."""
    found = asset(name)
    assert found is not None, name  # noqa: S101 - a name in our own templates
    return f"/docs/static/{name}?v={found.digest[:12]}"
