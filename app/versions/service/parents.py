"""The versions that a version was made from."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.problems import InvalidRequest
from app.versions import queries
from app.versions.schemas import ParentInput
from app.versions.tables import Parent, Version


async def set_parents(
    session: AsyncSession, actor: Actor, version: Version, wanted: list[ParentInput]
) -> None:
    """Replace the parents of a draft. Each must be a version that the actor can see, named once,
    and neither the version itself nor one that descends from it."""
    found: list[Version] = []
    for index, parent in enumerate(wanted):
        row = None
        if actor.role_on(parent.model) is not None:
            row = await queries.lock_parent(session, parent.model, parent.version)
        if row is None:
            _refuse(
                index,
                f"There is no version `{parent.version}` of a model `{parent.model}`, "
                "or it is hidden from you.",
            )
        elif row.id in {other.id for other in found}:
            _refuse(index, "It is named twice: name each parent once.")
        elif row.id == version.id or await queries.descends(session, row.id, version.id):
            _refuse(index, "A version cannot descend from itself.")
        else:
            found.append(row)
    await session.execute(delete(Parent).where(Parent.version_id == version.id))
    for position, row in enumerate(found):
        session.add(Parent(version_id=version.id, parent_id=row.id, position=position))
    await session.flush()


def _refuse(index: int, detail: str) -> None:
    raise InvalidRequest(
        "A parent cannot be recorded.",
        errors=[{"pointer": f"/parents/{index}", "detail": detail}],
    )
