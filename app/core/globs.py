"""Globs over model names: `*` is any run of characters, `?` any one; all else is itself."""

import re
from functools import lru_cache

GLOB_PATTERN = r"^[A-Za-z0-9 ._*?-]{1,128}$"


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    return re.compile("".join(parts), re.DOTALL)


def matches(glob: str, name: str) -> bool:
    """Whether the name, as written, matches the glob as a whole."""
    return glob == "*" or _compiled(glob).fullmatch(name) is not None


def like_pattern(glob: str) -> str:
    """The same glob as a PostgreSQL LIKE pattern."""
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
