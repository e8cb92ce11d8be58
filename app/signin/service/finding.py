"""Which identity an account at the provider is."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.identities import service as identities
from app.identities.problems import NameTaken
from app.identities.tables import Identity
from app.signin import queries
from app.signin.rules import Person, Refusal
from app.signin.tables import IdentityLink


async def find_identity(session: AsyncSession, person: Person) -> Identity:
    """The identity that is linked to the account; else the one person whose address it is; else
    a new one. It is held until the end of the transaction, and enabled."""
    await queries.hold_account(session, person.issuer, person.subject)
    linked = await queries.link(session, person.issuer, person.subject)
    if linked is not None:
        identity = await queries.identity(session, linked.identity_id)
    else:
        identity = await _reached(session, person) or await _new(session, person)
        _link(session, person, identity)
    if identity is None or identity.disabled_at is not None:
        raise Refusal("access_denied", "Your identity here is disabled. Ask an admin.")
    return identity


async def _reached(session: AsyncSession, person: Person) -> Identity | None:
    """The one person whose verified address it is; None where there is nobody. Where it could be
    several, or one who is disabled or has another account, an admin must say. An address that is
    not all ASCII is nobody's: providers and mail systems fold its letters each in their own way."""
    if person.email is None or not person.email.isascii():
        return None
    found = await queries.users_reached_at(session, person.email)
    if not found:
        return None
    if len(found) > 1:
        raise _refused(person, "several identities here have your address", "link your account")
    if found[0].disabled_at is not None:
        raise Refusal("access_denied", "Your identity here is disabled. Ask an admin.")
    if await queries.is_linked(session, found[0].id, person.issuer):
        raise _refused(
            person, f"{found[0].name} has your address and another account", "link your account"
        )
    return found[0]


async def _new(session: AsyncSession, person: Person) -> Identity:
    if person.name is None:
        raise _refused(person, "your account has no name to call you by", "make one for you")
    try:
        await identities.claim_name(session, person.name)
    except NameTaken as problem:
        raise _refused(
            person,
            f"the name {person.name} is somebody's already",
            "put your (verified) address on the identity that is you, or link your account",
        ) from problem
    identity = Identity(name=person.name, kind="user", email=person.email, created_by=audit.SYSTEM)
    session.add(identity)
    await session.flush()
    details = {"kind": "user", "email": person.email, "owner": None, "issuer": person.issuer}
    subject = f"identity:{identity.name}"
    audit.record(session, None, "identity.created", subject=subject, details=details)
    return identity


def _link(session: AsyncSession, person: Person, identity: Identity) -> None:
    session.add(
        IdentityLink(
            issuer=person.issuer,
            subject=person.subject,
            identity_id=identity.id,
            linked_by=audit.SYSTEM,
        )
    )
    details = {"issuer": person.issuer, "subject": person.subject}
    subject = f"identity:{identity.name}"
    audit.record(session, None, "identity.linked", subject=subject, details=details)


def _refused(person: Person, because: str, remedy: str) -> Refusal:
    return Refusal(
        "access_denied",
        f"You are known at the provider, but {because}. Ask an admin to {remedy} (PUT "
        f"/identities/.../links with the subject {person.subject}).",
    )
