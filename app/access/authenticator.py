"""Finding out who speaks."""

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from uuid import UUID

import sqlalchemy.exc
import structlog

from app.access.queries import Standing, mark_used, standing_of
from app.core.actor import RIGHTS, Actor
from app.core.db import Database
from app.core.problems import NotAuthenticated
from app.limits.service import ByAddress
from app.tokens.rules import digest_of_secret, well_formed

STANDING_SECONDS = 1.0
GOOD_SECONDS = 3600.0
STANDINGS_KEPT = 10_000
USE_TO_THE = timedelta(minutes=10)
log = structlog.get_logger()


class Authenticator:
    """Tells whose a secret is. A token's standing is kept for at most a second, so that one which
    polls costs one read a second and a revoked one works for no longer than that; less where
    somebody says that rights have changed."""

    def __init__(self, db: Database, signing_key: bytes, failures: ByAddress) -> None:
        """One a process."""
        self._db = db
        self._key = signing_key
        self._failures = failures
        self._good: OrderedDict[str, float] = OrderedDict()  # until when its past speaks for it
        self._kept: OrderedDict[str, tuple[float, Standing]] = OrderedDict()
        self._rights = db.hub.watched(RIGHTS)
        self._changes = 0
        self._used: set[UUID] = set()
        self._noting: asyncio.Task[None] | None = None

    async def actor_for(self, authorization: str | None, address: str | None = None) -> Actor:
        """The actor of an `Authorization` header, or the 401 that says what is wrong with it.

        An address that brought too many tokens that are not valid is refused (429) whatever it
        brings next, but for the tokens that were good here within the last hour: who shares the
        address with an attacker, as behind a gateway, goes on working.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if not secret or scheme.lower() != "bearer":
            _refuse("Send the header `Authorization: Bearer <token>`.")
        digest = digest_of_secret(secret, self._key)
        if self._good.get(digest, 0.0) < time.monotonic():
            self._failures.check(address)
        try:
            actor = await self._actor(secret, digest)
        except NotAuthenticated:
            self._good.pop(digest, None)
            await self._failures.count(address)
            raise
        self._note_good(digest)
        return actor

    def known(self, authorization: str) -> Actor | None:
        """The actor of an `Authorization` header whose token was good a moment ago, without
        waiting. None says nothing about it but that `actor_for` has to be asked."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = digest_of_secret(secret.strip(), self._key)
        self._forget_if_changed()
        kept, now = self._kept.get(digest), time.monotonic()
        if kept is None or kept[0] <= now or self._good.get(digest, 0.0) < now:
            return None
        standing = kept[1]
        if standing.revoked_at is not None or standing.disabled_at is not None:
            return None
        if standing.expires_at is not None and standing.expires_at <= datetime.now(UTC):
            return None
        self._good[digest] = now + GOOD_SECONDS
        return standing.actor

    async def _actor(self, secret: str, digest: str) -> Actor:
        if not well_formed(secret):
            _refuse("This is not a token of Stageward: check that it was copied whole.")
        standing = await self._standing(digest)
        if standing is None or standing.revoked_at is not None:
            _refuse("The token is unknown or was revoked. Issue a new one.")
        if standing.expires_at is not None and standing.expires_at <= datetime.now(UTC):
            _refuse(f"The token expired at {standing.expires_at:%Y-%m-%dT%H:%M:%SZ}.")
        if standing.disabled_at is not None:
            _refuse("The identity that this token belongs to is disabled.")
        return standing.actor

    def _note_good(self, digest: str) -> None:
        self._good[digest] = time.monotonic() + GOOD_SECONDS
        if len(self._good) > STANDINGS_KEPT:
            self._good.popitem(last=False)

    async def _standing(self, digest: str) -> Standing | None:
        self._forget_if_changed()
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        began, changes = time.monotonic(), self._changes
        async with self._db.reading() as session:
            standing = await standing_of(session, digest)
        self._forget_if_changed()
        if standing is None:
            self._kept.pop(digest, None)
            return None
        if changes == self._changes:
            self._keep(digest, began + STANDING_SECONDS, standing)
        self._note_use(standing)
        return standing

    def _forget_if_changed(self) -> None:
        """Drop what is kept once rights have changed, here or in another process; what is being
        read at that moment is not kept either."""
        if self._rights.heard():
            self._changes += 1
            self._kept.clear()

    def _keep(self, digest: str, until: float, standing: Standing) -> None:
        self._kept[digest] = (until, standing)
        self._kept.move_to_end(digest)
        while len(self._kept) > STANDINGS_KEPT:
            self._kept.popitem(last=False)

    def _note_use(self, standing: Standing) -> None:
        """Have the use of a token written, beside the request and at most every ten minutes."""
        last, token_id = standing.last_used_at, standing.actor.token_id
        if token_id is None or (last is not None and datetime.now(UTC) - last < USE_TO_THE):
            return
        self._used.add(token_id)
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._write_uses())

    async def _write_uses(self) -> None:
        while self._used:
            used, self._used = sorted(self._used), set()
            try:
                async with self._db.transaction() as session:
                    await mark_used(session, used, USE_TO_THE)
            except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
                log.warning("token_use_not_written", reason=type(error).__name__)

    async def settle(self) -> None:
        """Wait until the uses that were noted are written."""
        if self._noting is not None:
            await asyncio.gather(self._noting, return_exceptions=True)


def _refuse(detail: str) -> NoReturn:
    raise NotAuthenticated(detail)
