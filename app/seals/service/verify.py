"""Verifying the record where it lies."""

import asyncio
import re
from datetime import UTC, datetime

from app.core.problems import InvalidRequest, Unavailable
from app.core.runtime import Runtime
from app.seals import queries
from app.seals.keys import trusted
from app.seals.rules import Checkpoint, Kept, Seal, Verdict, Verifier, checkpoint_statement, give
from app.seals.service.walk import Item, walk

SEALED_WITHIN, LOOK_EVERY = 5.0, 0.25  # seconds
SLICE = 50  # so many events are looked at before other requests have their turn
_KEPT = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")


async def verify(runtime: Runtime, start: Seal | None, kept: Kept | None) -> Verdict:
    """The verdict on the record, whole or behind `start`. One at a time in this process; who asks
    for the same meanwhile gets the same answer."""

    async def work() -> Verdict:
        verdict = await _look(runtime, start, kept)
        if _waits_for_a_seal(verdict):
            await _wait(runtime, verdict.sealed_through + verdict.unsealed)
            verdict = await _look(runtime, start, kept)
        return verdict

    return await runtime.turns(("seals", start, kept), work)


async def _look(runtime: Runtime, start: Seal | None, kept: Kept | None) -> Verdict:
    verifier = Verifier(trusted(runtime.settings).signed, start=start, kept=kept)
    async for items in walk(runtime.db, start):
        await _take(runtime, verifier, items)
    return verifier.verdict(datetime.now(UTC))


async def _wait(runtime: Runtime, seq: int) -> None:
    """Until there is a seal of this number, for a few seconds at most: perhaps no worker runs."""
    for _ in range(round(SEALED_WITHIN / LOOK_EVERY)):
        await asyncio.sleep(LOOK_EVERY)
        async with runtime.db.reading() as session:
            head = await queries.head(session)
        if (head is not None and head.seq >= seq) or runtime.hub.closing:
            return


def _waits_for_a_seal(verdict: Verdict) -> bool:
    """Whether a redaction may just have been made, and what tells of it is about to be sealed: no
    alarm is raised about that second."""
    problem = verdict.first_problem
    return (
        problem is not None
        and problem.problem == "redacted_without_record"
        and verdict.unsealed > 0
    )


async def _take(runtime: Runtime, verifier: Verifier, items: list[Item]) -> None:
    for begin in range(0, len(items), SLICE):
        for item in items[begin : begin + SLICE]:
            if isinstance(item, Checkpoint):
                verifier.checkpoint(item)
            else:
                give(verifier, *item)
        await asyncio.sleep(0)
        if runtime.hub.closing:
            raise Unavailable("This process is about to end. Ask again.", retry_after=5)


async def starting_point(runtime: Runtime, after_seq: int) -> Seal | None:
    """The seal to go on from: none at zero, else one that a checkpoint signs, or the problem."""
    if after_seq == 0:
        return None
    async with runtime.db.reading() as session:
        found = await queries.checkpoints(session, after_seq - 1, after_seq)
        start = await queries.seal(session, after_seq)
    keys = trusted(runtime.settings)
    for checkpoint in found:
        statement = checkpoint_statement(*checkpoint[:3])
        good = keys.signed(checkpoint.key_id, statement, checkpoint.signature)
        if good and start is not None and start.hash == checkpoint.hash:
            return start
    raise _invalid(
        "after_seq",
        "There is no good checkpoint of this seal.",
        "Take a `seq` that GET /api/v1/events/checkpoints lists, or leave it out.",
    )


def kept(text: str | None, after_seq: int) -> Kept | None:
    """The checkpoint that the caller kept, or the problem with it."""
    if text is None:
        return None
    found = _KEPT.fullmatch(text)
    if found is None:
        raise _invalid(
            "checkpoint", "This is no checkpoint.", "Write its seq and its hash: 1204:9f86d0…"
        )
    if int(found[1]) < after_seq:
        raise _invalid(
            "checkpoint",
            "This checkpoint lies before `after_seq`.",
            "Leave out one of the two, or go on from an earlier seal.",
        )
    return Kept(int(found[1]), found[2])


def _invalid(pointer: str, detail: str, remedy: str) -> InvalidRequest:
    return InvalidRequest(f"{detail} {remedy}", errors=[{"pointer": pointer, "detail": remedy}])
