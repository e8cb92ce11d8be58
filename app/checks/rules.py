"""What a check may be called, and where it may point."""

import re

MAX_NAME = 128
CHECK_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._:/-]{0,126}[A-Za-z0-9._:/-])?")
WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f/?#][^\s\x00-\x1f\x7f]*", re.IGNORECASE)


def check_name(name: str) -> str:
    """The name itself, if a check may have it."""
    if not CHECK_NAME.fullmatch(name):
        raise ValueError(
            "must be 1 to 128 letters, digits, spaces, `.`, `_`, `:`, `/` or `-`, beginning with a "
            "letter or digit and not ending with a space"
        )
    return name


def check_web_address(url: str) -> str:
    """The address itself, if a person's browser may be sent there."""
    if not WEB_ADDRESS.fullmatch(url):
        raise ValueError(
            "must be a web address without spaces that begins with `https://` or `http://`"
        )
    return url
