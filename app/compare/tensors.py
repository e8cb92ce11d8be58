"""What of the tensors differs, where a safetensors file changed."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.compare.rules.rows import Change, Row
from app.tensors import service as tensors
from app.tensors.service import Changed
from app.tensors.tables import TensorHeader

MOST_PAIRS = 200
MOST_TENSORS = 500_000
KINDS = ("same", "changed", "reshaped", "added", "gone", "unknown")
Place = tuple[Row, int]
Pair = tuple[str, str]


async def add_tensors(session: AsyncSession, rows: Sequence[Row], baseline: int) -> None:
    """Say of each file that changed, and that holds tensors, which of them did: in two statements,
    whatever there is."""
    places = [
        (row, at)
        for row in rows
        if tensors.is_named(row["key"])
        for at, change in enumerate(row["changes"])
        if change == Change.CHANGED
    ]
    for row in rows:
        row["tensors"] = None
    if not places:
        return
    digests = {_sha256(row, at) for row, at in places}
    digests |= {_sha256(row, baseline) for row, _ in places}
    headers = await tensors.headers(session, digests)
    pairs = _affordable(places, baseline, headers)
    found = await tensors.changes(session, list(pairs)) if pairs else []
    for row, at in places:
        row["tensors"] = row["tensors"] or [None] * len(row["values"])
        pair = (_sha256(row, baseline), _sha256(row, at))
        row["tensors"][at] = _shown(pair, headers, pairs, found)


def _sha256(row: Row, at: int) -> str:
    return str(row["values"][at]["sha256"])


def _affordable(
    places: Iterable[Place], baseline: int, headers: dict[str, TensorHeader]
) -> dict[Pair, int]:
    """The pairs that are compared, each with its place among them: both were read, and all of them
    together are not more than an answer may cost."""
    found: dict[Pair, int] = {}
    room = MOST_TENSORS
    for row, at in places:
        pair = (_sha256(row, baseline), _sha256(row, at))
        both = [headers[each] for each in pair if each in headers]
        cost = sum(each.tensors_count for each in both)
        is_read = len(both) == 2 and all(each.status == "read" for each in both)
        if is_read and pair not in found and cost <= room and len(found) < MOST_PAIRS:
            found[pair] = len(found)
            room -= cost
    return found


def _shown(
    pair: Pair,
    headers: dict[str, TensorHeader],
    pairs: dict[Pair, int],
    found: Iterable[Changed],
) -> dict[str, Any]:
    own = headers.get(pair[1])
    mine = [each for each in found if pairs.get(pair) == each.pair]
    counts = {each.change: each.count for each in mine}
    return {
        "status": _status(pair, headers, pairs),
        "parameters": own.parameters if own is not None and own.status == "read" else None,
        **{kind: counts.get(kind, 0) for kind in KINDS},
        "names": {each.change: each.names for each in mine if each.change != "same"},
    }


def _status(pair: Pair, headers: dict[str, TensorHeader], pairs: dict[Pair, int]) -> str:
    if pair in pairs:
        return "compared"
    if any(each not in headers for each in pair):
        return "pending"
    if any(headers[each].status == "unreadable" for each in pair):
        return "unreadable"
    return "too_many"
