"""People, service accounts and their tokens."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.settings import Settings
from app.identities.rules import digest_of_secret, hint_of, new_secret
from app.identities.tables import Identity, Token

FIRST_ADMIN = "admin"
ALL_SCOPES = ["admin", "read", "review", "write"]


async def ensure_first_admin(session: AsyncSession, settings: Settings) -> str | None:
    """Make the first identity and its token, where there is none yet. The secret is returned only
    when it was made here and now; a token set by the operator is theirs to know."""
    await session.execute(text("select pg_advisory_xact_lock(hashtext('stageward first admin'))"))
    if (await session.execute(select(Identity.id).limit(1))).first() is not None:
        return None
    admin = Identity(name=FIRST_ADMIN, kind="user", created_by=audit.SYSTEM)
    session.add(admin)
    await session.flush()
    given = settings.admin_token
    secret = given.get_secret_value() if given else new_secret()
    token = _token(admin.id, "first", secret, settings)
    session.add(token)
    await session.execute(
        text(
            "insert into grants (id, identity_id, role, models, created_by) "
            "values (gen_random_uuid(), :id, 'admin', '*', :by)"
        ),
        {"id": admin.id, "by": audit.SYSTEM},
    )
    audit.record(
        session,
        None,
        "identity.created",
        subject=f"identity:{admin.name}",
        details={"kind": "user", "role": "admin"},
    )
    return None if given else secret


def _token(identity_id: UUID, name: str, secret: str, settings: Settings) -> Token:
    return Token(
        identity_id=identity_id,
        name=name,
        digest=digest_of_secret(secret, settings.signing_key),
        hint=hint_of(secret),
        scopes=ALL_SCOPES,
    )
