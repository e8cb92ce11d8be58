"""Looking at who may come in: admins without a token, machines that nobody answers for."""

from app.core.runtime import Runtime
from app.doctor import queries
from app.doctor.findings import Findings


async def look_at_people(runtime: Runtime, found: Findings) -> None:
    """Say what an admin should know about identities. Nothing of it keeps the server from
    serving."""
    async with runtime.db.reading() as session:
        can_manage = await queries.admin_can_come_in(session)
        orphans = await queries.without_enabled_owner(session)
    if not can_manage:
        found.note(
            "No enabled admin has a token that works and may administer. "
            "`python -m app admin-token` issues one."
        )
    for name, owner in orphans:
        if found.has_room("Service accounts of somebody disabled"):
            found.note(
                f"The service account {name} works on, but its owner {owner} is disabled. Give it "
                f"another: PATCH /identities/{name} with an `owner`."
            )
    found.tell_rest()
