"""Globs over model names: `*` is any run of characters, `?` any one; all else is itself."""

GLOB_PATTERN = r"^[A-Za-z0-9 ._*?-]{1,128}$"


def matches(glob: str, name: str) -> bool:
    """Whether the name, as written, matches the glob as a whole.

    On a mismatch it goes back to the last star only, so that no glob, whoever wrote it, takes more
    than the product of the two lengths (a regular expression could take exponential time).
    """
    if glob == "*":
        return True
    at, here = 0, 0
    star, resume = -1, 0
    while here < len(name):
        if at < len(glob) and glob[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(glob) and glob[at] in ("?", name[here]):
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return all(sign == "*" for sign in glob[at:])


def like_pattern(glob: str) -> str:
    """The same glob as a PostgreSQL LIKE pattern."""
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
