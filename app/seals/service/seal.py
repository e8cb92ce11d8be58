"""Sealing: giving each event its link in the chain, and signing the head of the chain."""

import asyncio
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.duties import duty
from app.core.runtime import Runtime
from app.seals import queries
from app.seals.keys import signer, trusted
from app.seals.moments import checkpointed
from app.seals.queries import State
from app.seals.rules import (
    BEGINNING,
    FIRST,
    SIGNED_EVERY,
    Checkpoint,
    Event,
    Kept,
    Place,
    Seal,
    checkpoint_is_due,
    checkpoint_statement,
    links,
)

LOCK_KEY = 0x5354_4147_5345_414C  # "STAGSEAL"
BATCH = 2000
AGAIN_SECONDS = 1.0  # nobody tells when an older transaction, or another sealer, ends
MAX_SEQ = 2**63 - 1
log = structlog.get_logger()


@duty("seals", topic="events")
class Sealer:
    """Seals what is behind the head and below every running transaction, a batch a transaction.

    Any number may look; an advisory lock lets one work. What is read and hashed precedes the first
    write of the transaction, so followers of the record, who wait for whoever writes, hardly wait.

    It remembers the last checkpoint that it saw, and signs nothing that does not follow from it: a
    chain that somebody calculated anew while this process ran stays without a signature.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is asked yet."""
        self._db = runtime.db
        self._signer = signer(runtime.settings)
        self._keys = trusted(runtime.settings)
        self._known: Kept | None = None

    async def __call__(self) -> float | None:
        """Seal a batch, if there is anything to seal or to sign; in how many seconds to look again,
        or None where only new events make that necessary."""
        async with self._db.reading() as session:
            head = await queries.head(session)
            state = await queries.state(session, _place(head))
        wait = _until_signing(head, state)
        if state.ended or wait == 0:
            return await self._work()
        return AGAIN_SECONDS if state.pending else wait

    async def _work(self) -> float | None:
        async with self._db.transaction() as session:
            if not await queries.is_alone(session, LOCK_KEY):
                return AGAIN_SECONDS
            head = await queries.head(session)
            events = await queries.ended(session, _place(head), BATCH)
            seals = await asyncio.to_thread(_links, head, events)
            if seals:
                await queries.add_seals(session, seals)
            await self._sign(session, seals[-1] if seals else head, events)
        if len(seals) == BATCH:
            return 0
        return AGAIN_SECONDS if seals else None

    async def _sign(self, session: AsyncSession, head: Seal | None, events: list[Event]) -> None:
        """Sign the head where that is due."""
        last = next(iter(await queries.newest_checkpoints(session, MAX_SEQ, 1)), None)
        if head is None or not await self._follows(session, last):
            return
        now, at = await queries.now(session)
        signed_at = _time(last.at, now) if last else None
        oldest = _time(events[0].at, now) if events else now
        if (last is None or last.seq < head.seq) and checkpoint_is_due(
            now=now, signed_at=signed_at, oldest=oldest
        ):
            signature = self._signer.sign(checkpoint_statement(head.seq, head.hash, at))
            made = Checkpoint(head.seq, head.hash, at, self._signer.public.id, signature)
            await queries.add_checkpoint(session, made)
            await checkpointed.tell(session, made)

    async def _follows(self, session: AsyncSession, last: Checkpoint | None) -> bool:
        """Whether the chain still holds what this process saw signed; remembers what is new."""
        if self._known is not None:
            there = await queries.seal(session, self._known.seq)
            if there is None or there.hash != self._known.hash:
                log.error(
                    "record_was_rewritten",
                    seq=self._known.seq,
                    remedy="ask GET /api/v1/events/verify; nothing is signed before a restart",
                )
                return False
        if last and self._keys.signed(last.key_id, checkpoint_statement(*last[:3]), last.signature):
            self._known = Kept(last.seq, last.hash)
        return True


async def waiting_since(db: Database) -> datetime | None:
    """When the oldest event was recorded that has no seal yet."""
    async with db.reading() as session:
        return await queries.oldest_unsealed(session, _place(await queries.head(session)))


def _links(head: Seal | None, events: list[Event]) -> list[Seal]:
    return list(links(head.seq if head else 0, head.hash if head else FIRST, events))


def _place(head: Seal | None) -> Place:
    return head.place if head else BEGINNING


def _time(at: str, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(at)
    except ValueError:  # such as infinity, which PostgreSQL can hold
        return otherwise


def _until_signing(head: Seal | None, state: State) -> float | None:
    """In how many seconds the head is to be signed; None where it is, or nothing is there."""
    if head is None or (state.signed_seq or 0) >= head.seq:
        return None
    if state.signed_at is None:
        return 0
    return max(0.0, (state.signed_at + SIGNED_EVERY - state.now).total_seconds())
