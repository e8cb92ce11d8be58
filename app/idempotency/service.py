"""Answering a repeated request as the first time."""

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.problems import InvalidRequest
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.idempotency.problems import TwinUnderWay
from app.idempotency.tables import KeptAnswer

KEPT_FOR = timedelta(hours=24)
SWEPT_AT_ONCE = 10_000
MAX_KEY = 255

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that brought an `Idempotency-Key`."""

    actor: Actor
    key: str
    path: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and what of it is to be kept."""

    status: int
    headers: dict[str, str]
    body: bytes


def keyed(actor: Actor, key: str, path: str, body: bytes, secret: bytes) -> KeyedRequest:
    """The request under its key, or the problem with the key.

    The digest of the body is keyed with a `secret`: a body may hold a password (a text to redact,
    say), and whoever reads the table must not find it by trying."""
    if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            "The Idempotency-Key is not one that can be kept.",
            errors=[
                {
                    "pointer": "Idempotency-Key",
                    "detail": f"A header of 1 to {MAX_KEY} printable ASCII characters, such as a "
                    "UUID.",
                }
            ],
        )
    return KeyedRequest(actor, key, path, hmac.new(secret, body, "sha256").hexdigest())


def withholding(*fields: str) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint whose answer has fields that are shown once: they are not kept, and a
    replay leaves them out."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.withheld = fields  # type: ignore[attr-defined]
        return endpoint

    return mark


def answered_anew(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that is idempotent by itself and whose answer must be fresh (it holds
    signed links): a repeated request runs again, and says that it was a replay."""
    endpoint.answered_anew = True  # type: ignore[attr-defined]
    return endpoint


async def find(session: AsyncSession, request: KeyedRequest) -> KeptAnswer | None:
    """The answer kept for this key, waiting for a twin under way; a 422 where the key was used
    with another body."""
    await _wait_for_twin(session, request)
    kept = (
        await session.execute(
            select(KeptAnswer).where(
                KeptAnswer.identity_id == request.actor.identity_id,
                KeptAnswer.key == request.key,
                KeptAnswer.path == request.path,
                KeptAnswer.created_at > func.now() - KEPT_FOR,
            )
        )
    ).scalar_one_or_none()
    if kept is not None and kept.body_sha256 != request.body_sha256:
        raise InvalidRequest(
            "This Idempotency-Key was already used with another body.",
            errors=[
                {
                    "pointer": "Idempotency-Key",
                    "detail": "Use a new key for a new request; the same key only to send the "
                    "same request again.",
                }
            ],
        )
    return kept


async def _wait_for_twin(session: AsyncSession, request: KeyedRequest) -> None:
    """Hold the key until the end of the transaction, once nobody else does."""
    lock = f"idempotency {request.actor.identity_id} {request.path} {request.key}"
    key = func.hashtextextended(lock, 0)
    try:
        await session.execute(select(func.pg_advisory_xact_lock(key)))
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise TwinUnderWay(
                "The first request under this Idempotency-Key is still being worked on. Send this "
                "one again in a moment.",
                retry_after=2,
            ) from error
        raise


async def keep(
    session: AsyncSession, request: KeyedRequest, answer: Answer, withheld: tuple[str, ...]
) -> None:
    """Keep an answer without the fields that are `withheld`, in the transaction of the work."""
    body = answer.body
    if withheld:
        shown = json.loads(body)
        body = json.dumps({k: v for k, v in shown.items() if k not in withheld}).encode()
    row = {
        "identity_id": request.actor.identity_id,
        "key": request.key,
        "path": request.path,
        "body_sha256": request.body_sha256,
        "status": answer.status,
        "headers": answer.headers,
        "body": body,
        "created_at": func.clock_timestamp(),
    }
    statement = insert(KeptAnswer).values(row)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["identity_id", "key", "path"],
            set_={k: statement.excluded[k] for k in row if k not in ("identity_id", "key", "path")},
        )
    )


@periodic("idempotency.sweep", cron="37 * * * *")
async def sweep(runtime: Runtime) -> None:
    """Forget the answers that nobody can ask for any more."""
    old = (
        select(KeptAnswer.identity_id, KeptAnswer.key, KeptAnswer.path)
        .where(KeptAnswer.created_at <= func.now() - KEPT_FOR)
        .limit(SWEPT_AT_ONCE)
    )
    place = tuple_(KeptAnswer.identity_id, KeptAnswer.key, KeptAnswer.path)
    swept = SWEPT_AT_ONCE
    while swept == SWEPT_AT_ONCE:
        async with runtime.db.transaction() as session:
            gone = await session.execute(
                delete(KeptAnswer).where(place.in_(old)).returning(KeptAnswer.key)
            )
            swept = len(gone.all())
