"""What PostgreSQL knows about rights: the standing of a token, in one statement, and grants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.access.schemas import GrantInput
from app.access.tables import GrantRow
from app.core.actor import Actor, Grant, Role, Scope
from app.core.globs import like_pattern
from app.identities.tables import Group, Identity, Membership
from app.tokens.rules import expires_soon
from app.tokens.tables import Token


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
                Token.created_at,
                Token.rotated_to,
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
    ends_soon = expires_soon(
        datetime.now(UTC), row.created_at, row.expires_at, was_rotated=row.rotated_to is not None
    )
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
        token_ends_at=row.expires_at if ends_soon else None,
    )
    return Standing(actor, row.expires_at, row.revoked_at, row.disabled_at, row.last_used_at)


def visible(actor: Actor, name: Any) -> ColumnElement[bool]:
    """The condition that a model's name is one this actor may see, for any list or search."""
    granted, narrowed = actor.visible_models
    conditions: list[ColumnElement[bool]] = []
    for globs in (granted, narrowed):
        if globs is None or "*" in globs:
            continue
        patterns = literal([like_pattern(glob) for glob in globs], ARRAY(Text))
        conditions.append(name.like(func.any(patterns)))
    return and_(true(), *conditions)


async def mark_used(session: AsyncSession, token_ids: list[UUID], to_the: timedelta) -> None:
    """Note that these tokens were used, unless that was noted within `to_the`."""
    now = func.clock_timestamp()
    await session.execute(
        update(Token)
        .where(
            Token.id.in_(token_ids),
            or_(Token.last_used_at.is_(None), Token.last_used_at < now - to_the),
        )
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


Owner = aliased(Identity, name="owner")


async def speaker(session: AsyncSession, actor: Actor) -> Row[Identity, str, Token]:
    """The identity of an actor, the name of its owner, and the token they came with."""
    statement = (
        select(Identity, Owner.name, Token)
        .join(Token, Token.identity_id == Identity.id)
        .outerjoin(Owner, Owner.id == Identity.owner_id)
        .where(Token.id == actor.token_id)
    )
    return (await session.execute(statement)).one()


async def held(session: AsyncSession, identity_id: UUID) -> Sequence[Row[str, str, str]]:
    """The roles of an identity: role, glob, and the group that it comes through."""
    mine = select(Membership.group_id).where(Membership.identity_id == identity_id)
    statement = (
        select(GrantRow.role, GrantRow.models, Group.name)
        .outerjoin(Group, Group.id == GrantRow.group_id)
        .where(or_(GrantRow.identity_id == identity_id, GrantRow.group_id.in_(mine)))
        .order_by(GrantRow.id)
    )
    return (await session.execute(statement)).all()


def _shown() -> Select[GrantRow, str, str]:
    return (
        select(
            GrantRow,
            func.coalesce(Identity.name, Group.name).label("subject"),
            func.coalesce(Identity.kind, "group").label("kind"),
        )
        .outerjoin(Identity, Identity.id == GrantRow.identity_id)
        .outerjoin(Group, Group.id == GrantRow.group_id)
    )


def _is(subject: Identity | Group, grant: GrantInput) -> ColumnElement[bool]:
    column = GrantRow.identity_id if isinstance(subject, Identity) else GrantRow.group_id
    return and_(column == subject.id, GrantRow.role == grant.role, GrantRow.models == grant.models)


async def one(
    session: AsyncSession, subject: Identity | Group, grant: GrantInput
) -> Row[GrantRow, str, str]:
    """A grant that is there, with the name and the kind of its subject."""
    return (await session.execute(_shown().where(_is(subject, grant)))).one()


async def page(
    session: AsyncSession,
    *,
    subject: str | None,
    role: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[GrantRow, str, str]]:
    """Grants with their subjects, the oldest first: one more than `limit`, to tell whether there
    is a next page."""
    statement = _shown().order_by(GrantRow.id).limit(limit + 1)
    if subject is not None:
        statement = statement.where(or_(Identity.name == subject, Group.name == subject))
    if role is not None:
        statement = statement.where(GrantRow.role == role)
    if after is not None:
        statement = statement.where(GrantRow.id > after)
    return (await session.execute(statement)).all()


async def add(session: AsyncSession, subject: Identity | Group, grant: GrantInput, by: str) -> bool:
    """Add a grant; answers whether it was not there before."""
    column = "identity_id" if isinstance(subject, Identity) else "group_id"
    row = {column: subject.id, "role": grant.role, "models": grant.models, "created_by": by}
    statement = insert(GrantRow).values(row).on_conflict_do_nothing().returning(GrantRow.id)
    return (await session.execute(statement)).first() is not None


async def remove(session: AsyncSession, subject: Identity | Group, grant: GrantInput) -> bool:
    """Remove a grant; answers whether it was there."""
    statement = delete(GrantRow).where(_is(subject, grant)).returning(GrantRow.id)
    return (await session.execute(statement)).first() is not None


async def remove_all(session: AsyncSession, group: Group) -> Sequence[Row[str, str]]:
    """Remove all that a group was granted; answers the roles and globs."""
    statement = delete(GrantRow).where(GrantRow.group_id == group.id)
    return (await session.execute(statement.returning(GrantRow.role, GrantRow.models))).all()


_has_role_admin = select(GrantRow.identity_id).where(
    GrantRow.role == "admin", GrantRow.identity_id.is_not(None)
)
_admin_by_group = (
    select(Membership.identity_id)
    .join(GrantRow, GrantRow.group_id == Membership.group_id)
    .where(GrantRow.role == "admin")
)
# Whether an identity is not disabled and has the role admin, of its own or by a group.
is_enabled_admin = and_(
    Identity.disabled_at.is_(None),
    or_(Identity.id.in_(_has_role_admin), Identity.id.in_(_admin_by_group)),
)
_enabled_admins = select(Identity).where(is_enabled_admin)


async def hold_admins(session: AsyncSession) -> None:
    """Let nobody else change who is an admin, until the end of the transaction."""
    key = func.hashtextextended("admins", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def has_admin(session: AsyncSession) -> bool:
    """Whether there is an enabled admin."""
    return bool((await session.execute(select(_enabled_admins.exists()))).scalar_one())


async def enabled_admins(session: AsyncSession) -> Sequence[Identity]:
    """All of these, the oldest first."""
    return (await session.execute(_enabled_admins.order_by(Identity.id))).scalars().all()


async def anybody(session: AsyncSession) -> bool:
    """Whether there is any identity yet."""
    return (await session.execute(select(Identity.id).limit(1))).first() is not None
