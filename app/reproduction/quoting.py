"""How values get into a shell script: as words of which nothing is read by the shell."""

import unicodedata

_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def quote(value: str) -> str:
    """One word of POSIX sh that is exactly this text, whatever is in it but NUL.

    Between single quotes nothing is special but the single quote itself."""
    if "\0" in value:
        raise ValueError("a shell cannot hold a NUL")
    return "'" + value.replace("'", "'\\''") + "'"


def visible(value: str, *, longest: int = 300) -> str:
    """A text on one line for a person's terminal: what is not seen, or would move the cursor, is
    written out, so that it can neither hide nor forge anything."""
    shown = "".join(map(_seen, value[: longest + 1]))
    return shown if len(value) <= longest else shown[:longest] + "…"


def _seen(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if unicodedata.category(character) in _UNSEEN:
        return f"\\u{{{ord(character):x}}}"
    return character
