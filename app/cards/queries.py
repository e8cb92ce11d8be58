"""What documents are made of: a statement for each kind of fact, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from app.comments.tables import Comment
from app.files.tables import File
from app.promotions.tables import Promotion, Review
from app.stages.tables import Tenure, Transition
from app.versions.tables import Parent, Version

MOST_FILES = 200
MOST_PROMOTIONS = 50
MOST_REVIEWS = 500
MOST_TRANSITIONS = 100
MOST_OF_A_VERSION = 20
MOST_COMMENTS = 50
PRODUCTION = "production"
_NAMED_AS_A_SECTION = r"^\s*#{1,6}\s*(limit|intended|ethic)"


@dataclass(frozen=True, slots=True)
class Relative:
    """A version that another one is compared with. `how`: a `parent`, the one `before` it, or the
    `holder` of a stage."""

    version: Version
    how: str
    stage: str | None


_COMPARED = (
    Version.number,
    *(Version.params, Version.metrics, Version.code, Version.datasets, Version.preprocessing),
    *(Version.environment, Version.seed, Version.signature, Version.source),
)


async def relatives(session: AsyncSession, version: Version) -> list[Relative]:
    """The newest parent of the same model, the ready version before, and the version that held
    production before this one did (or does, where this one never did); where no version ever held
    production, that of the stage which this one holds."""
    other = aliased(Version)
    usable = (
        other.model_id == version.model_id,
        other.id != version.id,
        other.status == "ready",
        other.deleted_at.is_(None),
    )
    parent = (
        select(literal("parent"), other.id, literal(None))
        .join(Parent, Parent.parent_id == other.id)
        .where(Parent.version_id == version.id, *usable)
        .order_by(other.number.desc())
        .limit(1)
    )
    before = (
        select(literal("before"), other.id, literal(None))
        .where(*usable, other.number < version.number)
        .order_by(other.number.desc())
        .limit(1)
    )
    # Where this version held the stage, only those who had it before.
    mine = aliased(Tenure)
    first = (
        select(func.min(func.lower(mine.held)))
        .where(mine.version_id == version.id, mine.stage == Tenure.stage)
        .correlate(Tenure)
        .scalar_subquery()
    )
    here = (
        select(mine.stage)
        .where(mine.version_id == version.id, func.upper_inf(mine.held), mine.stage != "archived")
        .scalar_subquery()
    )
    since = func.lower(Tenure.held)
    holder = (
        select(literal("holder"), other.id, Tenure.stage)
        .join(Tenure, Tenure.version_id == other.id)
        .where(Tenure.model_id == version.model_id, Tenure.stage.in_([PRODUCTION, here]), *usable)
        .where(since < func.coalesce(first, func.now()))
        .order_by((Tenure.stage == PRODUCTION).desc(), since.desc())
        .limit(1)
    )
    found = union_all(*(select(each.subquery()) for each in (parent, before, holder))).subquery()
    how, version_id, stage = found.c
    rows = await session.execute(
        select(Version, how, stage)
        .join(found, version_id == Version.id)
        .options(load_only(*_COMPARED))
    )
    return [Relative(*row) for row in rows]


async def files(session: AsyncSession, version_id: UUID) -> list[File]:
    """A version's first files by path, and one more than are shown."""
    statement = select(File).where(File.version_id == version_id).order_by(File.path)
    return list((await session.execute(statement.limit(MOST_FILES + 1))).scalars())


async def promotions(session: AsyncSession, version: Version) -> list[Promotion]:
    """A version's newest promotions, the oldest of them first."""
    statement = (
        select(Promotion)
        .where(Promotion.model_id == version.model_id, Promotion.version_id == version.id)
        .order_by(Promotion.id.desc())
        .limit(MOST_PROMOTIONS)
    )
    return list((await session.execute(statement)).scalars())[::-1]


async def reviews(session: AsyncSession, promotion_ids: Sequence[UUID]) -> list[Review]:
    """The newest reviews of some promotions, the oldest of them first."""
    if not promotion_ids:
        return []
    statement = (
        select(Review)
        .where(Review.promotion_id.in_(promotion_ids))
        .order_by(Review.id.desc())
        .limit(MOST_REVIEWS)
    )
    return sorted((await session.execute(statement)).scalars(), key=lambda each: (each.at, each.id))


async def transitions(session: AsyncSession, version_id: UUID) -> list[Transition]:
    """How a version's stage changed, most lately, the oldest of it first."""
    statement = (
        select(Transition)
        .where(Transition.version_id == version_id)
        .order_by(Transition.id.desc())
        .limit(MOST_TRANSITIONS)
    )
    return list((await session.execute(statement)).scalars())[::-1]


async def sections(session: AsyncSession, version_id: UUID) -> list[Comment]:
    """The comments on a version that begin with a heading of a card, the newest first."""
    statement = (
        select(Comment)
        .where(
            Comment.version_id == version_id,
            Comment.promotion_id.is_(None),
            Comment.deleted_at.is_(None),
            Comment.body.regexp_match(_NAMED_AS_A_SECTION, flags="i"),
        )
        .order_by(Comment.id.desc())
        .limit(MOST_COMMENTS)
    )
    return list((await session.execute(statement)).scalars())


async def ready_versions(
    session: AsyncSession, model_id: UUID, before: int | None, limit: int
) -> list[Version]:
    """The newest ready versions of a model, and one more than `limit`."""
    statement = (
        select(Version)
        .where(
            Version.model_id == model_id, Version.deleted_at.is_(None), Version.status == "ready"
        )
        .order_by(Version.number.desc())
        .limit(limit + 1)
        .options(
            load_only(
                *(Version.number, Version.name, Version.description, Version.metrics),
                *(Version.recalled, Version.overridden, Version.created_by, Version.ready_at),
            )
        )
    )
    if before is not None:
        statement = statement.where(Version.number < before)
    return list((await session.execute(statement)).scalars())


async def transitions_of(
    session: AsyncSession, version_ids: Sequence[UUID]
) -> dict[UUID, list[Transition]]:
    """How the stages of several versions changed, most lately, the newest first."""
    place = func.row_number().over(
        partition_by=Transition.version_id, order_by=Transition.id.desc()
    )
    newest = (
        select(Transition.id, place.label("place"))
        .where(Transition.version_id.in_(version_ids))
        .subquery()
    )
    statement = (
        select(Transition)
        .join(newest, newest.c.id == Transition.id)
        .where(newest.c.place <= MOST_OF_A_VERSION)
        .order_by(Transition.id.desc())
    )
    found: dict[UUID, list[Transition]] = {each: [] for each in version_ids}
    for transition in (await session.execute(statement)).scalars():
        found[transition.version_id].append(transition)
    return found
