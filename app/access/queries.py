"""What PostgreSQL knows about a token: everything of its standing, in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.tables import GrantRow
from app.core.actor import Actor, Grant, Role, Scope
from app.core.globs import like_pattern
from app.identities.tables import Identity, Membership, Token


@dataclass(frozen=True, slots=True)
class Standing:
    """A token as it stands: its actor, and until when."""

    actor: Actor
    expires_at: datetime | None
    revoked_at: datetime | None
    disabled_at: datetime | None
    last_used_at: datetime | None


_groups = (
    select(func.array_agg(Membership.group_id))
    .where(Membership.identity_id == Identity.id)
    .scalar_subquery()
)
_grants = (
    select(func.json_agg(func.json_build_array(GrantRow.role, GrantRow.models)))
    .where(
        or_(
            GrantRow.identity_id == Identity.id,
            GrantRow.group_id.in_(
                select(Membership.group_id).where(Membership.identity_id == Identity.id)
            ),
        )
    )
    .scalar_subquery()
)


async def standing_of(session: AsyncSession, digest: str) -> Standing | None:
    """The standing of the token whose secret has this digest."""
    row = (
        await session.execute(
            select(
                Token.id,
                Token.scopes,
                Token.models,
                Token.issuers,
                Token.expires_at,
                Token.revoked_at,
                Token.last_used_at,
                Identity.id.label("identity_id"),
                Identity.name,
                Identity.kind,
                Identity.owner_id,
                Identity.disabled_at,
                _groups.label("groups"),
                _grants.label("grants"),
            )
            .join(Identity, Identity.id == Token.identity_id)
            .where(Token.digest == digest)
        )
    ).one_or_none()
    return None if row is None else _standing(row)


def _standing(row: Any) -> Standing:
    groups: list[UUID] = row.groups or []
    actor = Actor(
        identity_id=row.identity_id,
        name=row.name,
        kind=row.kind,
        owner_id=row.owner_id,
        token_id=row.id,
        scopes=frozenset(Scope(s) for s in row.scopes),
        token_models=None if row.models is None else tuple(row.models),
        grants=tuple(Grant(Role(role), models) for role, models in row.grants or []),
        group_ids=frozenset(groups),
        issuers=frozenset(row.issuers),
    )
    return Standing(actor, row.expires_at, row.revoked_at, row.disabled_at, row.last_used_at)


def visible(actor: Actor, name: Any) -> ColumnElement[bool]:
    """The condition that a model's name is one this actor may see, for any list or search."""
    granted, narrowed = actor.visible_models
    conditions: list[ColumnElement[bool]] = []
    for globs in (granted, narrowed):
        if globs is None or "*" in globs:
            continue
        conditions.append(name.like(func.any([like_pattern(g) for g in globs])))
    return and_(true(), *conditions)
