"""Taking credentials out of texts, wherever somebody put one by mistake: a path, an id, a name."""

import re

# Tokens of ours by their form, and those of an OIDC issuer (three parts in base64url).
_CREDENTIAL = re.compile(r"swd_[0-9A-Za-z]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_SHOWN = 8


def may_hold_credential(text: str) -> bool:
    """Whether `masked` could find anything: most texts need not be searched."""
    return "swd_" in text or "eyJ" in text


def masked(text: str) -> str:
    """The text with no more of each credential than its owner recognises it by."""
    return _CREDENTIAL.sub(lambda found: found[0][:_SHOWN] + "…", text)
