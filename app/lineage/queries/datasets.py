"""Which data sets there are, and who used them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Row,
    Select,
    Text,
    Uuid,
    column,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
from app.lineage.queries.places import Place, fact_key, held, places, seen
from app.lineage.tables import DatasetUse
from app.models.tables import Model
from app.search.tables import VersionFact
from app.stages.rules import NO_STAGE
from app.stages.service import is_open
from app.stages.tables import Tenure
from app.versions.tables import Version

U = DatasetUse
_begin = func.substr(U.name, 1, 100)  # long names do not fit into an index


@dataclass(frozen=True, slots=True)
class Wanted:
    """A data set as somebody names it: by its digest, its name or both, and by its use."""

    sha256: str | None = None
    name: str | None = None
    version: str | None = None
    role: str | None = None

    @property
    def entry(self) -> dict[str, str]:
        """What its entry in a recipe holds."""
        found = {"sha256": self.sha256, "name": self.name, "version": self.version}
        return {key: value for key, value in (found | {"role": self.role}).items() if value}

    def is_in(self, entry: dict[str, Any]) -> bool:
        """Whether an entry of a recipe is this data set."""
        return all(entry.get(key) == value for key, value in self.entry.items())


def users(
    actor: Actor, wanted: Wanted, statement: Select[Any], stage: str | None = None
) -> Select[Any]:
    """The versions that used a data set, of a statement on versions and their models.

    They are found through their facts, by the digest where it is known, and by the stage where that
    is asked for: few hold one, whatever many used the data."""
    first = ("datasets.sha256", wanted.sha256) if wanted.sha256 else ("datasets.name", wanted.name)
    statement = statement.join(VersionFact, VersionFact.version_id == Version.id).where(
        VersionFact.key == fact_key(first[0], first[1] or ""),
        VersionFact.num == 0,
        Version.datasets.contains([wanted.entry]),
        seen(actor),
    )
    if stage is None or stage == NO_STAGE:
        return statement
    of_stage = select(VersionFact.version_id).where(
        VersionFact.key == fact_key("stage", stage), VersionFact.num == 0
    )
    return statement.where(Version.id.in_(of_stage))


async def page_of_users(
    session: AsyncSession,
    actor: Actor,
    wanted: Wanted,
    *,
    stage: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Place]:
    """The versions that used a data set, newest first, and one more than `limit`."""
    statement = users(actor, wanted, places(), stage).where(*held(stage, every=True))
    order = (VersionFact.created_at, VersionFact.version_id)
    if after is not None:
        statement = statement.where(tuple_(*order) < after)
    newest = statement.order_by(*(each.desc() for each in order)).limit(limit + 1)
    return [Place(*row) for row in await session.execute(newest)]


async def page(
    session: AsyncSession,
    actor: Actor,
    *,
    name: str | None,
    sha256: str | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Data sets by name, with what the models that the actor can see did with each, and one more
    than `limit`."""
    statement = (
        select(
            U.data_key,
            _begin.label("begin"),
            func.min(U.name).label("name"),
            func.min(U.version).label("version"),
            func.min(U.sha256).label("sha256"),
            func.sum(U.versions).label("versions"),
            func.count().label("models"),
            *(
                func.sum(getattr(U, f"as_{role}")).label(role)
                for role in ("train", "validation", "test", "other")
            ),
            func.min(U.first_used_at).label("first_used_at"),
            func.max(U.last_used_at).label("last_used_at"),
        )
        .join(Model, Model.id == U.model_id)
        .where(Model.deleted_at.is_(None), visible(actor, Model.name))
        .group_by(_begin, U.data_key)
        .order_by(_begin, U.data_key)
        .limit(limit + 1)
    )
    if name is not None:
        statement = statement.where(_begin == func.substr(name, 1, 100), U.name == name)
    if sha256 is not None:
        statement = statement.where(U.sha256 == sha256, U.sha256 != "")
    if after is not None:
        statement = statement.where(tuple_(_begin, U.data_key) > after)
    return (await session.execute(statement)).all()


async def in_production(
    session: AsyncSession, actor: Actor, keys: Sequence[UUID], stage: str
) -> dict[UUID, int]:
    """How many versions that hold a stage now used each of these data sets."""
    used = func.stageward_datasets(Version.datasets).table_valued(column("data_key", Uuid))
    used = used.alias("used")
    statement = (
        select(U.data_key, func.count(Version.id.distinct()))
        .join(Model, Model.id == U.model_id)
        .join(Tenure, Tenure.model_id == U.model_id)
        .join(Version, Version.id == Tenure.version_id)
        .where(
            U.data_key == func.any(literal(list(keys), ARRAY(Uuid))),
            Tenure.stage == literal(stage, Text),
            is_open,
            seen(actor),
            exists().select_from(used).where(used.c.data_key == U.data_key),
        )
        .group_by(U.data_key)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}
