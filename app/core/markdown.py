"""Markdown in which nothing that somebody wrote becomes structure.

Whatever comes from a person passes through `text`, `code`, `quote`, `fence` or `link`, which answer
`Markdown`; the rest of this module, and whoever puts a page together, takes nothing else. It is
made for GitHub and GitLab as well as for CommonMark: no mention calls anybody, no reference links
an issue, no address becomes a link or an image, no pipe ends a cell, and no HTML is HTML.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NewType
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

Markdown = NewType("Markdown", str)

CUT = "…"
LONGEST_TEXT = 200
LONGEST_BLOCK = 64 * 1024
NOTHING = Markdown("")
# An entity is never structure, whatever stands around it; a backslash is easier to read.
_ESCAPED = {
    **{each: "\\" + each for each in "*_[]~#"},
    "\\": "&#92;",
    "`": "&#96;",
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "$": "&#36;",
    "{": "&#123;",
    "}": "&#125;",
}
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPED)) + "]")
# Renderers look for these in the text that they show, where no escape is left: something that
# nobody sees stands between them.
_BREAK = "&#8203;"
_CALLS = re.compile(
    r"@(?=\S)"  # a mention, or an address of mail
    r"|[#!~%$&](?=[\w\"'])"  # a reference to an issue, a change, a label …
    r"|\bGH-(?=\d)"
    r"|:(?=//)|\bwww(?=\.)"  # what becomes a link by itself
    r"|:(?=[\w+-]+:)"  # an emoji
    r"|\b(?:mailto|xmpp|javascript|data|tel):",
    re.IGNORECASE,
)
_BEGINS_A_LIST = re.compile(r"^(\d{1,9})([.)])")
_BEGINS_A_BLOCK = re.compile(r"^([-+=:])")
_PLAIN_CODE = re.compile(r"[\w.,;:=+/@#%()\[\]{}<>!?*~^&$'\"-]+(?: [\w.,;:=+/@#%(){}*~^-]+)*")
_URL = re.compile(r"[!#$%&'()*+,./0-9:;=?@A-Z_a-z~-]+")
_ALIGNED = {"left": ":--", "right": "--:"}


def text(value: str, *, longest: int = LONGEST_TEXT) -> Markdown:
    """A text on one line, fit for a paragraph, a heading or a table's cell; `…` stands for what was
    beyond `longest` characters."""
    return _escaped(_cut(_on_one_line(value), longest))


def code(value: str, *, longest: int = LONGEST_TEXT) -> Markdown:
    """The same as code: a name, a digest, a value."""
    line = _cut(_on_one_line(value), longest)
    if not line:
        return NOTHING
    if _PLAIN_CODE.fullmatch(line):
        return Markdown(f"`{line}`")
    return Markdown(f"<code>{_as_entities(line)}</code>")


def link(label: str, address: str, *, longest: int = LONGEST_TEXT) -> Markdown:
    """A link to an address of `http` or `https`; anything else is only its label."""
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    shown = text(label, longest=longest)
    encoded = percent_encoded(address, safe="!#$%&'*+,/:;=?@~")
    if not known or not shown or _URL.fullmatch(encoded) is None:
        return shown
    # Neither brackets nor parentheses are left in it; an entity is an entity in an address too.
    return Markdown(f"[{shown}]({encoded.replace('&', '&amp;').replace('|', '%7C')})")


def quote(value: str, *, longest: int = LONGEST_BLOCK) -> Markdown:
    """A text of several lines as a quotation: the lines stay, and nothing in them is Markdown."""
    cut = _cut(_lines_as_they_are(value), longest)
    lines = [_escaped(_on_one_line(line)) for line in cut.split("\n")]
    shown = "\n".join(f"> {line}\\" if line else ">" for line in lines)
    # A line break is no break at the end of a paragraph.
    return Markdown(re.sub(r"\\(?=\n>(?:\n|$)|$)", "", shown))


def fence(value: str, *, language: str = "", longest: int = LONGEST_BLOCK) -> Markdown:
    """A text of several lines as a block of code. `language` is ours."""
    body = _cut(_lines_as_they_are(value), longest)
    longest_run = max((len(run) for run in re.findall("`+", body)), default=0)
    mark = "`" * max(3, longest_run + 1)
    return Markdown(f"{mark}{language}\n{body}\n{mark}")


def heading(level: int, title: Markdown) -> Markdown:
    """A heading of a level from 1 to 6."""
    return Markdown(f"{'#' * level} {title}")


def bold(shown: Markdown) -> Markdown:
    """The same in bold; it must be neither empty nor begin or end with a space."""
    return Markdown(f"**{shown}**")


def joined(parts: Iterable[Markdown], between: str = "") -> Markdown:
    """Several parts as one. What stands between them is ours."""
    return Markdown(between.join(parts))


def ours(said: str) -> Markdown:
    """What this service itself says, as Markdown. Nothing that somebody wrote may be in it."""
    return Markdown(said)


def bullets(items: Iterable[Markdown]) -> Markdown:
    """A list of single lines."""
    return Markdown("\n".join(f"- {item}" for item in items))


def table(
    titles: Sequence[Markdown],
    rows: Iterable[Sequence[Markdown]],
    *,
    right: Iterable[int] = (),
) -> Markdown:
    """A table; the columns in `right` (from 0) hold numbers and stand to the right."""
    numbers = set(right)
    rules = [_ALIGNED["right" if at in numbers else "left"] for at in range(len(titles))]
    lines = [_row(titles), _row([Markdown(rule) for rule in rules]), *map(_row, rows)]
    return Markdown("\n".join(lines))


def page(blocks: Iterable[Markdown]) -> Markdown:
    """Blocks under each other, with the newline at the end of a file."""
    return Markdown("\n\n".join(block for block in blocks if block) + "\n")


def _row(cells: Sequence[Markdown]) -> str:
    return f"| {' | '.join(cells)} |"


def _cut(value: str, longest: int) -> str:
    return value if len(value) <= longest else value[: max(longest - 1, 0)].rstrip() + CUT


def _on_one_line(value: str) -> str:
    return _visible(" ".join(value.split()))


def _lines_as_they_are(value: str) -> str:
    lines = value.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    return "\n".join(_visible(line.replace("\t", "    ")).rstrip() for line in lines)


def _visible(line: str) -> str:
    """Without what is not seen or turns the line around: controls, marks of direction, halves of
    characters. What joins the parts of one character stays."""
    return "".join(
        "\ufffd" if unicodedata.category(each) in _UNSEEN and each not in _JOINING else each
        for each in line
    )


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINING = frozenset("\u200c\u200d\u00ad")


def _escaped(line: str) -> Markdown:
    """Pieces between the calls are escaped by themselves, so that no escape is taken for one."""
    shown = ""
    at = 0
    for call in _CALLS.finditer(line):
        shown += _plain(line[at : call.end()]) + _BREAK
        at = call.end()
    shown += _plain(line[at:])
    shown = _BEGINS_A_LIST.sub(r"\1\\\2", shown)
    return Markdown(_BEGINS_A_BLOCK.sub(r"\\\1", shown))


def _plain(piece: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], piece)


def _as_entities(line: str) -> str:
    return "".join(
        each if each.isalnum() or each == " " or not each.isascii() else f"&#{ord(each)};"
        for each in line
    )
