"""The model that a path names, for an actor who may use it so."""

from typing import Annotated

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.dependencies import CurrentActor
from app.access.service import check
from app.access.table import Permission
from app.core.actor import Actor
from app.core.runtime import Reading, Transaction
from app.models import queries
from app.models.service import absent
from app.models.tables import Model

ModelPath = Annotated[str, Path(description="The model's name, as written.", examples=["churn"])]


async def load_model(
    session: AsyncSession,
    actor: Actor,
    name: str,
    permission: Permission,
    *,
    deleted: bool | None = False,
) -> Model:
    """The model, or a 404 (absent, deleted, hidden) or a 403 (the permission is missing).

    `deleted` None accepts a deleted model as well."""
    check(actor, permission, name)
    model = await queries.by_name(session, name) if "\0" not in name else None
    if model is None or (deleted is False and model.deleted_at is not None):
        raise absent(name)
    return model


class ModelToRead:
    """A dependency: the model in the path, read in autocommit."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(self, model: ModelPath, actor: CurrentActor, session: Reading) -> Model:
        """The model, or a 404 or 403."""
        return await load_model(session, actor, model, self.permission)


class ModelToChange:
    """A dependency: the model in the path, inside the request's transaction."""

    def __init__(self, permission: Permission, *, deleted: bool | None = False) -> None:
        """`permission` is what the route takes; `deleted` None accepts a deleted model as well."""
        self.permission = permission
        self.deleted = deleted

    async def __call__(self, model: ModelPath, actor: CurrentActor, session: Transaction) -> Model:
        """The model, or a 404 or 403."""
        return await load_model(session, actor, model, self.permission, deleted=self.deleted)
