"""A way back in for an operator, where no admin has a token that works any more. Whoever may run
it has the database and the secret key, and so gains nothing that they had not."""

from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.schemas import GrantInput
from app.access.service import ADMIN, ALL_SCOPES
from app.audit import service as audit
from app.core.db import clock
from app.identities import service as identities
from app.identities.moments import changes_standing
from app.identities.schemas import Name
from app.identities.tables import Identity
from app.tokens import service as tokens

COMMAND = "admin-token"


class CannotRecover(Exception):
    """There is nobody whose token this could be; the text says who might be."""


async def issue_admin_token(
    session: AsyncSession, name: str | None, *, days: int, make_admin: bool, signing_key: bytes
) -> tuple[str, str]:
    """A token of all scopes for an enabled admin: whose it is, and its secret. Where there is no
    enabled admin, and only then, `make_admin` makes one of `name`."""
    await queries.hold_admins(session)
    admins = {each.name: each for each in await queries.enabled_admins(session)}
    if admins or not make_admin:
        holder = _choose(admins, name)
    else:
        holder = await _make_admin(session, name or ADMIN)
    end = await clock(session) + timedelta(days=days)
    token, secret = await tokens.make(
        session,
        holder,
        name=COMMAND,
        scopes=ALL_SCOPES,
        models=None,
        expires_at=end,
        issuers=[],
        issued_by=None,
        signing_key=signing_key,
    )
    tokens.record_issue(session, None, holder, token, more={"by": COMMAND})
    return holder.name, secret


def _choose(admins: dict[str, Identity], name: str | None) -> Identity:
    if not admins:
        raise CannotRecover(
            "There is no enabled admin. Name an identity with --identity and add --make-admin: it "
            "is made where it is not there, enabled, and given the role admin. All of it is "
            "recorded."
        )
    if name is None:
        people = [each for each in admins.values() if each.kind == "user"]
        if len(people) != 1:
            raise CannotRecover(f"Say whose token it shall be, with --identity: {_or(admins)}.")
        return people[0]
    if name not in admins:
        raise CannotRecover(
            f"`{name}` is not an enabled admin. Issue the token for one who is ({_or(admins)}), "
            "and have them give the role."
        )
    return admins[name]


def _or(admins: dict[str, Identity]) -> str:
    return " or ".join(sorted(admins))


async def _make_admin(session: AsyncSession, name: str) -> Identity:
    """Have an identity of this name, enabled, with the role admin; each change with its event."""
    subject, more = f"identity:{name}", {"by": COMMAND}
    identity = await identities.find(session, name)
    if identity is None:
        _check_name(name)
        await identities.claim_name(session, name)
        identity = Identity(name=name, kind="user", created_by=audit.SYSTEM)
        session.add(identity)
        details = {"kind": "user", "email": None, "owner": None, **more}
        audit.record(session, None, "identity.created", subject=subject, details=details)
    elif identity.disabled_at is not None:
        identity.disabled_at = identity.disabled_by = None
        identity.revision += 1
        identity.updated_at = await clock(session)
        enabled = {"disabled": {"from": True, "to": False}, **more}
        audit.record(session, None, "identity.enabled", subject=subject, details=enabled)
    await session.flush()
    grant = GrantInput(subject=name, role=ADMIN, models="*")
    if await queries.add(session, identity, grant, audit.SYSTEM):
        given = {"role": ADMIN, "models": "*", **more}
        audit.record(session, None, "grant.given", subject=subject, details=given)
    await changes_standing(session, [identity.id])
    return identity


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise CannotRecover(
            "A name has 1 to 128 letters, digits and `. _ @ + -`, and begins with one of the first "
            "two. Choose another with --identity."
        ) from error
