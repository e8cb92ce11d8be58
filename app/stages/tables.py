"""Stages, tenures, transitions, rollbacks and aliases."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.ids import new_id


class Stage(Base):
    """A stage that exists: for every model (no `model_id`), or added by one model's policy."""

    __tablename__ = "stages"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID | None] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    exclusive: Mapped[bool]
    position: Mapped[int]

    __table_args__ = (
        Index(
            "uq_stages_name",
            text("coalesce(model_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            "name",
            unique=True,
        ),
        CheckConstraint("name ~ '^[a-z][a-z0-9_-]{0,63}$' and name <> 'latest'", name="name"),
    )


class Rollback(Base):
    """That somebody returned a stage to an earlier holder, and why."""

    __tablename__ = "rollbacks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    stage: Mapped[str] = mapped_column(Text)
    from_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"))
    to_version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    reason: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Tenure(Base):
    """The time for which a version held a stage, and the one cause that brought it there.

    `promotion_status` is always `applied` where a promotion is the cause, so that the foreign key
    accepts an applied promotion only and keeps it applied.
    """

    __tablename__ = "tenures"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    stage: Mapped[str] = mapped_column(Text)
    exclusive: Mapped[bool]
    held: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    promotion_id: Mapped[UUID | None]
    promotion_status: Mapped[str | None] = mapped_column(
        Text, Computed("case when promotion_id is not null then 'applied' end", persisted=True)
    )
    rollback_id: Mapped[UUID | None] = mapped_column(ForeignKey("rollbacks.id"), index=True)
    overridden: Mapped[bool] = mapped_column(server_default=text("false"), default=False)

    __table_args__ = (
        ForeignKeyConstraint(
            ["promotion_id", "promotion_status"],
            ["promotions.id", "promotions.status"],
            name="fk_tenures_applied_promotion",
            deferrable=True,
            initially="DEFERRED",
        ),
        CheckConstraint("num_nonnulls(promotion_id, rollback_id) = 1", name="one_cause"),
        CheckConstraint("stage <> 'none'", name="stage"),
        CheckConstraint("not isempty(held) and not lower_inf(held)", name="held"),
        ExcludeConstraint(
            ("model_id", "="),
            ("stage", "="),
            ("held", "&&"),
            name="ex_tenures_one_holder",
            using="gist",
            where=text("exclusive"),
        ),
        ExcludeConstraint(
            ("version_id", "="),
            ("held", "&&"),
            name="ex_tenures_one_stage_per_version",
            using="gist",
        ),
        Index(
            "ix_tenures_open_stage",
            "model_id",
            "stage",
            "version_id",
            postgresql_where=text("upper_inf(held)"),
        ),
        Index(
            "uq_tenures_open_version",
            "version_id",
            unique=True,
            postgresql_where=text("upper_inf(held)"),
        ),
        Index("ix_tenures_promotion_id", "promotion_id"),
        Index("ix_tenures_stage_since", "model_id", "stage", text("lower(held)")),
    )


class Transition(Base):
    """The fact that a version's stage changed. `kind` says by what: its own `promotion` (or an
    `override` of one), a `succession` (the incumbent archived by its successor's), a `rollback`."""

    __tablename__ = "transitions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    from_stage: Mapped[str] = mapped_column(Text)
    to_stage: Mapped[str] = mapped_column(Text)
    promotion_id: Mapped[UUID | None] = mapped_column(ForeignKey("promotions.id"), index=True)
    rollback_id: Mapped[UUID | None] = mapped_column(ForeignKey("rollbacks.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind in ('promotion', 'override', 'succession', 'rollback')", name="kind"),
        CheckConstraint("num_nonnulls(promotion_id, rollback_id) = 1", name="one_cause"),
        CheckConstraint("from_stage <> to_stage", name="stages"),
        Index("ix_transitions_model_id_id", "model_id", "id"),
    )


class Alias(Base):
    """A name of a team's own that points at one ready version."""

    __tablename__ = "aliases"

    model_id: Mapped[UUID] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"), index=True)
    set_by: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)


class AliasChange(Base):
    """The history of aliases: what each pointed at, since when and by whom (null: removed)."""

    __tablename__ = "alias_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    from_number: Mapped[int | None]
    to_number: Mapped[int | None]
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_alias_changes_model_id_name_id", "model_id", "name", "id"),)
