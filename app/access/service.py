"""Deciding who speaks, and whether they may."""

import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import NoReturn

from app.access.queries import Standing, standing_of, visible
from app.access.table import RULES, Permission
from app.core.actor import Actor, Role
from app.core.db import Database
from app.core.problems import NotAllowed, NotAuthenticated, NotFound
from app.identities.rules import digest_of_secret, well_formed

__all__ = ["Authenticator", "check", "may", "require_server", "visible"]

STANDING_SECONDS = 1.0
STANDINGS_KEPT = 10_000


class Authenticator:
    """Tells whose a secret is. A token's standing is kept for at most a second, so that one which
    polls costs one read a second and a revoked one works for no longer than that."""

    def __init__(self, db: Database, signing_key: bytes) -> None:
        """One a process."""
        self._db = db
        self._key = signing_key
        self._kept: OrderedDict[str, tuple[float, Standing]] = OrderedDict()

    async def actor_for(self, authorization: str | None) -> Actor:
        """The actor of an `Authorization` header, or the 401 that says what is wrong with it."""
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if not secret or scheme.lower() != "bearer":
            _refuse("Send the header `Authorization: Bearer <token>`.")
        if not well_formed(secret):
            _refuse("This is not a token of Stageward: check that it was copied whole.")
        standing = await self._standing(digest_of_secret(secret, self._key))
        if standing is None or standing.revoked_at is not None:
            _refuse("The token is unknown or was revoked. Issue a new one.")
        if standing.expires_at is not None and standing.expires_at <= datetime.now(UTC):
            _refuse(f"The token expired at {standing.expires_at:%Y-%m-%dT%H:%M:%SZ}.")
        if standing.disabled_at is not None:
            _refuse("The identity that this token belongs to is disabled.")
        return standing.actor

    def forget(self) -> None:
        """Drop what is kept: a change of rights made in this process counts at once here."""
        self._kept.clear()

    async def _standing(self, digest: str) -> Standing | None:
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        began = time.monotonic()
        async with self._db.reading() as session:
            standing = await standing_of(session, digest)
        if standing is None:
            self._kept.pop(digest, None)
            return None
        self._kept[digest] = (began + STANDING_SECONDS, standing)
        self._kept.move_to_end(digest)
        while len(self._kept) > STANDINGS_KEPT:
            self._kept.popitem(last=False)
        return standing


def _refuse(detail: str) -> NoReturn:
    raise NotAuthenticated(detail)


def may(actor: Actor, permission: Permission, model: str | None = None) -> bool:
    """Whether an actor has a permission, on a model of this name where one is concerned."""
    rule = RULES[permission]
    return actor.has_scope(rule.scope) and _has_role(actor, rule.role, model)


def _has_role(actor: Actor, needed: Role | None, model: str | None) -> bool:
    if needed is None:
        return True
    if model is None:
        return actor.is_admin
    role = actor.role_on(model)
    return role is not None and role >= needed


def check(actor: Actor, permission: Permission, model: str) -> None:
    """Pass, or raise: 404 where the model is hidden from the actor, 403 where the permission is
    missing, naming the role or scope that it takes."""
    if actor.role_on(model) is None:
        raise NotFound(f"There is no model `{model}`, or it is hidden from you.")
    rule = RULES[permission]
    if not _has_role(actor, rule.role, model):
        raise NotAllowed(
            f"This takes the role {rule.role} on the model `{model}`; "
            f"{actor.name} has the role {actor.role_on(model)}. Ask an admin for a grant."
        )
    _check_scope(actor, permission)


def require_server(actor: Actor, permission: Permission) -> None:
    """The same for what concerns no model: 403 where the permission is missing."""
    _check_scope(actor, permission)
    if not _has_role(actor, RULES[permission].role, None):
        raise NotAllowed(
            "This takes the global role admin, and a token that is not narrowed to some models."
        )


def _check_scope(actor: Actor, permission: Permission) -> None:
    scope = RULES[permission].scope
    if not actor.has_scope(scope):
        raise NotAllowed(
            f"This takes a token with the scope `{scope}`; this one has "
            f"{', '.join(sorted(actor.scopes)) or 'none'}."
        )
