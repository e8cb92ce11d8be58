"""A comparison as Markdown for a pull request: compact tables, within what a comment may hold.

The bytes are the same for the same facts. Where not all fits, the rows that matter less are left
out and the page says how many.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.core import markdown as md
from app.core.markdown import Markdown

MOST_BYTES = 65_000  # GitHub takes 65,536 characters; a comment may get a line of its own
MOST_ROWS = 200
LONGEST_VALUE = 80
LONGEST_KEY = 120
SHORT = 12
NONE = "\u2013"
TITLES = {
    "evaluations": "Evaluations",
    "metrics": "Metrics",
    "params": "Parameters",
    "datasets": "Data sets",
    "preprocessing": "Preprocessing",
    "code": "Code",
    "environment": "Environment",
    "files": "Files",
    "about": "About",
}
# Numbers and times differ always, and say nothing that the head of the page does not.
UNINTERESTING = frozenset({"created_at", "ready_at", "manifest_sha256", "recipe_sha256", "size"})
Found = Mapping[str, Any]
Cell = Callable[[Found, int], Markdown]


def as_page(found: Found) -> Markdown:
    """The page. Sections that fit stand in it whole; of the first that does not, as many rows as
    do."""
    blocks, left = [_title(found), _versions(found)], []
    room = MOST_BYTES - sum(map(_size, blocks)) - 200
    differing = 0
    for name, title in TITLES.items():
        rows = [row for row in found[name] if _is_shown(name, row)]
        block, shown = _section(found, name, rows, room)
        blocks.append(block)
        differing += len(rows)
        room -= _size(block)
        is_cut = name in found["truncated"]
        if shown < len(rows) or is_cut:
            count = f"{len(rows) - shown}{' or more' if is_cut else ''}"
            left.append(md.ours(f"{title.lower()}: {count}"))
    if not differing:
        blocks.append(md.ours("Nothing differs."))
    if left:
        blocks.append(
            md.joined([md.ours("_Rows left out: "), md.joined(left, "; "), md.ours("._")])
        )
    return md.page(blocks)


def _is_shown(section: str, row: Found) -> bool:
    return section != "about" or row["key"] not in UNINTERESTING


def _size(block: Markdown) -> int:
    return len(block.encode()) + 2


def _title(found: Found) -> Markdown:
    baseline = found["versions"][found["baseline"]]
    others = [each for at, each in enumerate(found["versions"]) if at != found["baseline"]]
    names = md.joined([_called(found, each) for each in others], ", ")
    parts = [md.text(found["model"]), md.ours(": "), names, md.ours(" against ")]
    return md.heading(3, md.joined([*parts, _called(found, baseline)]))


def _called(found: Found, version: Found) -> Markdown:
    number = f"{version['number']}"
    return md.text(number if version["model"] == found["model"] else f"{version['model']} {number}")


def _versions(found: Found) -> Markdown:
    rows = [
        [
            md.bold(_called(found, each)) if at == found["baseline"] else _called(found, each),
            md.text(each["name"] or "", longest=LONGEST_VALUE),
            md.text(each["stage"]),
            md.text(", ".join(f"@{alias}" for alias in each["aliases"]), longest=LONGEST_VALUE),
            md.ours("recalled" if each["recalled"] else each["status"]),
        ]
        for at, each in enumerate(found["versions"])
    ]
    return md.table([md.ours(t) for t in ("Version", "Name", "Stage", "Aliases", "Status")], rows)


def _section(found: Found, name: str, rows: Sequence[Found], room: int) -> tuple[Markdown, int]:
    """The section, and how many of its rows stand in it."""
    if not rows:
        return md.NOTHING, 0
    titles = [md.ours(""), *(_called(found, each) for each in found["versions"])]
    head = [md.heading(4, md.ours(TITLES[name]))]
    if name == "code":
        head += _commits(found)
    size = sum(map(_size, head)) + _size(md.table(titles, []))
    taken: list[list[Markdown]] = []
    for cells in _rows(name, rows):
        size += len(md.joined(cells).encode()) + 3 * len(cells) + 2
        if size > room or len(taken) == MOST_ROWS:
            break
        taken.append(cells)
    if not taken:
        return md.NOTHING, 0
    right = range(1, len(titles)) if name in ("metrics", "evaluations") else ()
    return md.joined([*head, md.table(titles, taken, right=right)], "\n\n"), len(taken)


def _rows(section: str, rows: Sequence[Found]) -> Iterator[list[Markdown]]:
    cell = _CELLS.get(section, _value)
    for row in rows:
        key = _subject(row) if section == "evaluations" else row["key"]
        yield [
            md.code(key, longest=LONGEST_KEY),
            *(cell(row, at) for at in range(len(row["values"]))),
        ]


def _subject(row: Found) -> str:
    data = row["dataset"]
    digest = f" ({data['sha256'][:SHORT]})" if data["sha256"] else ""
    return f"{row['metric']} on {data['name']}{digest}"


def _commits(found: Found) -> list[Markdown]:
    lines = []
    for each in found["commits"]:
        shown = f"{each['from'][:SHORT]}...{each['to'][:SHORT]}"
        link = md.link(shown, each["link"]) if each["link"] else md.code(shown)
        version = _called(found, found["versions"][each["place"]])
        lines.append(md.joined([version, md.ours(": "), link]))
    return [md.bullets(lines)] if lines else []


def _value(row: Found, at: int) -> Markdown:
    change = row["changes"][at]
    if change in ("gone", "absent"):
        return md.ours(NONE if change == "absent" else "_gone_")
    shown = md.code(_as_text(row["values"][at]), longest=LONGEST_VALUE)
    mark = _MARKS.get(change)
    return shown if mark is None else md.joined([shown, md.ours(mark)], " ")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))


def _measured(row: Found, at: int) -> Markdown:
    value = row["values"][at]
    if value is None:
        return md.ours(NONE)
    shown = md.ours(_number(value))
    if row.get("stderr") and row["stderr"][at] is not None:
        shown = md.joined([shown, md.ours(f"± {_number(row['stderr'][at])}")], " ")
    if row["better"] == at:
        shown = md.bold(shown)
    grown = row["differences"][at]
    if not grown:
        return shown
    noise = ", noise" if row.get("within_noise") and row["within_noise"][at] else ""
    return md.joined([shown, md.ours(f"({'+' if grown > 0 else ''}{_number(grown)}{noise})")], " ")


def _number(value: float) -> str:
    return f"{value:.6g}"


def _data(row: Found, at: int) -> Markdown:
    value = row["values"][at]
    if value is None:
        return _value(row, at)
    facts = [value.get("version") or "", (value.get("sha256") or "")[:SHORT]]
    facts += [f"{value['rows']} rows"] if value.get("rows") is not None else []
    shown = md.code(", ".join(filter(None, facts)) or "named only", longest=LONGEST_VALUE)
    mark = _MARKS.get(row["changes"][at])
    return shown if mark is None else md.joined([shown, md.ours(mark)], " ")


def _step(row: Found, at: int) -> Markdown:
    value = row["values"][at]
    if value is None:
        return _value(row, at)
    facts = [value.get("version") or "", (value.get("sha256") or "")[:SHORT]]
    shown = md.code(", ".join([f"{value['position']}.", *filter(None, facts)]).replace("., ", ". "))
    mark = _MARKS.get(row["changes"][at])
    return shown if mark is None else md.joined([shown, md.ours(mark)], " ")


def _file(row: Found, at: int) -> Markdown:
    value = row["values"][at]
    if value is None:
        return _value(row, at)
    shown = md.joined([md.code(value["sha256"][:SHORT]), md.ours(_bytes(value["size"]))], " ")
    mark = _MARKS.get(row["changes"][at])
    told = _tensors(row, at)
    return shown if mark is None else md.joined([shown, md.ours(mark + told)], " ")


def _tensors(row: Found, at: int) -> str:
    """How many tensors changed, of those that were compared."""
    found = (row.get("tensors") or {at: None})[at]
    if found is None or found["status"] != "compared":
        return ""
    kinds = ("changed", "reshaped", "added", "gone", "unknown", "same")
    return f" (tensors: {', '.join(f'{found[kind]} {kind}' for kind in kinds if found[kind])})"


def _bytes(size: int) -> str:
    for unit, large in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= large:
            return f"{size / large:.1f} {unit}"
    return f"{size} B"


_MARKS = {
    "changed": "≠",
    "added": "new",
    "moved": "moved",
    "upgraded": "↑",
    "downgraded": "↓",
}
_CELLS: dict[str, Cell] = {
    "evaluations": _measured,
    "metrics": _measured,
    "datasets": _data,
    "preprocessing": _step,
    "files": _file,
}
