"""Reading the record in its order, whole or from a seal on, in bounded memory.

Each statement sees what is committed then; nothing is held open. What is read grows meanwhile, and
only at its end.
"""

from collections.abc import AsyncIterator, Iterator
from heapq import merge
from operator import itemgetter

from app.core.db import Database
from app.seals import queries
from app.seals.rules import Checkpoint, Event, Place, Seal

BATCH = 1000
MOST_STRAYS = 20_000  # of one batch; whoever inserts more has some of them left unnamed
Item = tuple[Seal | None, Event | None] | Checkpoint
BELOW_ALL = Place(-(2**31) - 1, 0, 0)  # where nothing should stand, something may
_MAX = 2**63 - 1


async def walk(db: Database, start: Seal | None) -> AsyncIterator[list[Item]]:
    """Seals after `start` with their events, events that stand among them without a seal,
    checkpoints after the seal that they sign, and at last the events that are not sealed yet."""
    seq, place = (start.seq, start.place) if start else (0, BELOW_ALL)
    async with db.reading() as session:
        newest = next(iter(await queries.newest_checkpoints(session, _MAX, 1)), None)
    while batch := await _batch(db, seq, place):
        yield batch[2]
        seq, place = batch[:2]
    if newest is not None and newest.seq > seq:
        async with db.reading() as session:
            yield [*await queries.checkpoints(session, seq, newest.seq)]
    while True:
        async with db.reading() as session:
            events = await queries.behind(session, place, BATCH)
        if not events:
            return
        yield [(None, event) for event in events]
        place = events[-1].place


async def _batch(db: Database, seq: int, place: Place) -> tuple[int, Place, list[Item]] | None:
    async with db.reading() as session:
        links = await queries.links(session, seq, BATCH)
        if not links:
            return None
        last = links[-1][0].seq
        end = max(place, *(seal.place for seal, _ in links))  # a forged one may lie further back
        checkpoints = await queries.checkpoints(session, seq, last)
        strays = await queries.strays(session, place, end, MOST_STRAYS)
    return last, end, list(_in_order(links, strays, checkpoints))


def _in_order(
    links: list[tuple[Seal, Event | None]], strays: list[Event], checkpoints: list[Checkpoint]
) -> Iterator[Item]:
    """By place where there are strays, else as they are; checkpoints by their number."""
    rows: Iterator[tuple[Seal | None, Event | None]] = iter(links)
    if strays:
        keyed = [(seal.place, (seal, event)) for seal, event in links]
        loose = [(event.place, (None, event)) for event in strays]
        rows = (row for _, row in merge(keyed, loose, key=itemgetter(0)))
    signed = iter(checkpoints)
    checkpoint = next(signed, None)
    for row in rows:
        while checkpoint and row[0] and checkpoint.seq < row[0].seq:
            yield checkpoint
            checkpoint = next(signed, None)
        yield row
        while checkpoint and row[0] and checkpoint.seq == row[0].seq:
            yield checkpoint
            checkpoint = next(signed, None)
