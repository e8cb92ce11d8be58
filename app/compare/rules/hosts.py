"""The address at which a known host shows what changed between two commits.

A repository is text that somebody wrote: only addresses of known forms on known hosts lead
anywhere, and only hexadecimal commits stand in them. Nothing is ever fetched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\\s:][^\\\s:]*)")
_PATH = re.compile(r"[\w.~-]+(?:/[\w.~-]+)+", re.ASCII)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_SCHEMES = ("https", "http", "ssh", "git+ssh", "git+https")
_SUFFIX = ".git"


@dataclass(frozen=True, slots=True)
class Repository:
    """Where code is kept: the host, and the path on it without `.git`."""

    host: str
    path: str


def parse_repository(text: Any) -> Repository | None:
    """Read an address of `https`, `http` or `ssh`, or one as scp takes it (`git@host:a/b.git`).
    None for any other, and for one whose web pages may be at a port that nobody told."""
    if not isinstance(text, str) or any(each.isspace() for each in text):
        return None
    scp = None if "://" in text else _SCP.fullmatch(text)
    if scp is not None:
        return _checked(scp["host"], scp["path"])
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or parts.query or parts.fragment or host is None:
        return None
    if port is not None and not (parts.scheme.endswith("ssh") or (parts.scheme, port) == _HTTPS):
        return None
    return _checked(host, parts.path)


_HTTPS = ("https", 443)


def _checked(host: str, path: str) -> Repository | None:
    path = path.strip("/").removesuffix(_SUFFIX)
    host = host.lower()
    is_plain = _PATH.fullmatch(path) and not {".", ".."} & set(path.split("/"))
    return Repository(host, path) if is_plain and _HOST.fullmatch(host) else None


def compare_address(repository: Repository, old: str, new: str) -> str | None:
    """Where the host shows what changed from one commit to another; None where it is not known."""
    if COMMIT.fullmatch(old) is None or COMMIT.fullmatch(new) is None:
        return None
    base = f"https://{repository.host}/{repository.path}"
    if repository.host == "github.com":
        return f"{base}/compare/{old}...{new}"
    if repository.host == "gitlab.com" or repository.host.startswith("gitlab."):
        return f"{base}/-/compare/{old}...{new}"
    if repository.host == "bitbucket.org":
        return f"{base}/branches/compare/{new}%0D{old}"
    if repository.host == "codeberg.org" or repository.host.startswith(("gitea.", "forgejo.")):
        return f"{base}/compare/{old}...{new}"
    return None


def commit_range(
    place: int, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What leads from the baseline's commit to that of the version at a place; None where one of
    them names none, or both the same. They are of one repository, however it is spelt, or there is
    neither a range nor a link."""
    old, new = (before or {}).get("commit"), (after or {}).get("commit")
    if not old or not new or old == new:
        return None
    theirs, ours = (before or {}).get("repository"), (after or {}).get("repository")
    was, now = parse_repository(theirs), parse_repository(ours)
    is_one = theirs == ours or (now is not None and was == now)
    known = is_one and COMMIT.fullmatch(old) and COMMIT.fullmatch(new)
    return {
        "place": place,
        "from": old,
        "to": new,
        "range": f"{old}..{new}" if known else None,
        "link": compare_address(now, old, new) if known and now is not None else None,
    }
