"""The version that a reviewer compares a promoted one with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from app.promotions.tables import Promotion
from app.stages.tables import Tenure
from app.versions.tables import Version

_SHOWN = (
    Version.number,
    Version.name,
    Version.manifest_sha256,
    Version.files_count,
    Version.size,
    Version.params,
    Version.metrics,
    Version.code,
    Version.datasets,
    Version.preprocessing,
    Version.environment,
    Version.seed,
    Version.signature,
    Version.source,
)
_Candidate = aliased(Version)


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A version to compare with, the stage that it holds, and whether it is the one that held the
    target stage last. For an ended promotion, just before its end."""

    version: Version
    stage: str | None
    held_last: bool


def _held(moment: datetime | None) -> ColumnElement[bool]:
    """That a tenure is open now, or was just before a moment."""
    if moment is None:
        return func.upper_inf(Tenure.held)
    until = func.upper(Tenure.held)
    return and_(_begun(moment), or_(until.is_(None), until >= moment))


def _begun(moment: datetime | None) -> ColumnElement[bool]:
    return true() if moment is None else func.lower(Tenure.held) < moment


async def predecessor(
    session: AsyncSession, promotion: Promotion, version: Version, incumbent: int | None
) -> Predecessor | None:
    """The incumbent of this number, if it is not deleted. Where there is none: the other version
    that held the target stage last, else the one with the next lower number. In one statement."""
    moment = promotion.ended_at
    usable = (
        _Candidate.model_id == version.model_id,
        _Candidate.id != version.id,
        _Candidate.status == "ready",
        _Candidate.deleted_at.is_(None),
    )
    held_last = (
        select(Tenure.version_id)
        .join(_Candidate, _Candidate.id == Tenure.version_id)
        .where(Tenure.model_id == version.model_id, Tenure.stage == promotion.to_stage)
        .where(*usable, _begun(moment))
        .order_by(func.lower(Tenure.held).desc(), _Candidate.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    below = (
        select(_Candidate.id)
        .where(*usable, _Candidate.number < version.number)
        .where(true() if moment is None else _Candidate.ready_at <= moment)
        .order_by(_Candidate.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    holds = select(Tenure.stage).where(Tenure.version_id == Version.id, _held(moment))
    meant = Version.id == func.coalesce(held_last, below)
    if incumbent is not None:
        meant = and_(Version.number == incumbent, Version.deleted_at.is_(None))
    found = await session.execute(
        select(
            Version, holds.limit(1).scalar_subquery(), func.coalesce(Version.id == held_last, False)
        )
        .where(Version.model_id == version.model_id, meant)
        .options(load_only(*_SHOWN))
    )
    row = found.one_or_none()
    return None if row is None else Predecessor(*row)
