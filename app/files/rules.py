"""Paths of files, and the digest of a manifest: decisions on plain values."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

MAX_PATH_BYTES = 1024
PATHS_TOLD = 20
FAILURES_TOLD = 100
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_path(path: str) -> str:
    """The path itself, if a file may have it; a ValueError says what is wrong with it."""
    if not path:
        raise ValueError("must not be empty")
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise ValueError(f"must have at most {MAX_PATH_BYTES} bytes")
    if CONTROL.search(path) or any("\ud800" <= c <= "\udfff" for c in path):
        raise ValueError("must not hold control characters or broken text")
    if "\ufffd" in path:
        raise ValueError("must be valid UTF-8")
    if "\\" in path:
        raise ValueError("must use `/` between folders, not a backslash")
    if path.startswith("/"):
        raise ValueError("must be relative: without a `/` at its beginning")
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        raise ValueError("must have no empty, `.` or `..` segment")
    return path


def is_path(path: str) -> bool:
    """Whether a file may have this path."""
    try:
        check_path(path)
    except ValueError:
        return False
    return True


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """A path that is also another's folder, and that other; None where there is none."""
    ordered = sorted(set(paths), key=lambda path: path.split("/"))
    for path, following in pairwise(ordered):  # what lies in a folder comes right after its name
        if following.startswith(f"{path}/"):
            return path, following
    return None


def named_twice(paths: Sequence[str]) -> int | None:
    """Where a path stands that was named before; None where there is none."""
    known: set[str] = set()
    for index, path in enumerate(paths):
        if path in known:
            return index
        known.add(path)
    return None


def failure_of(
    refused: Sequence[tuple[str, str, int, Mapping[str, Any] | None]],
) -> dict[str, Any]:
    """Why a version failed: of each refused file (path, sha256, size, and the digest and size that
    were found, None where the store has lost the bytes)."""
    other = [path for path, _, _, found in refused if found is not None]
    lost = [path for path, _, _, found in refused if found is None]
    said = [
        f"The bytes that came are not those that were declared: {_shown(other)}." if other else "",
        f"The blob store could not give these bytes back: {_shown(lost)}." if lost else "",
        "Send the right ones, or declare what is right, and finalize again.",
    ]
    return {
        "detail": " ".join(filter(None, said)),
        "files": [
            {"path": path, "expected": {"sha256": sha256, "size": size}, "found": found}
            for path, sha256, size, found in refused[:FAILURES_TOLD]
        ],
    }


def _shown(paths: Sequence[str]) -> str:
    return ", ".join(paths[:PATHS_TOLD]) + (" …" if len(paths) > PATHS_TOLD else "")


def manifest_digest(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the lines `{sha256}  {path}\\n`, sorted by path as bytes (`LC_ALL=C sort`): what
    `sha256sum` prints. `files` are (path, sha256) pairs."""
    lines = sorted((path.encode(), sha256) for path, sha256 in files)
    digest = hashlib.sha256()
    for path, sha256 in lines:
        digest.update(sha256.encode() + b"  " + path + b"\n")
    return digest.hexdigest()
