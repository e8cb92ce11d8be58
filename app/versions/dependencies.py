"""The version that a path names, for an actor who may use it so."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.dependencies import CurrentActor
from app.access.service import check
from app.access.table import Permission
from app.core.actor import Actor
from app.core.problems import NotFound
from app.core.runtime import Reading, Runtime, Transaction, get_runtime
from app.models.dependencies import ModelPath, load_model
from app.models.service import absent
from app.models.tables import Model
from app.stages.rules import RefKind, parse_ref
from app.versions import queries
from app.versions.queries import VersionView
from app.versions.rules import only
from app.versions.tables import Version

RefPath = Annotated[
    str,
    Path(
        description="A number, `@alias`, `latest`, a stage in any case, or a version name.",
        examples=["production"],
    ),
]
NumberPath = Annotated[
    str,
    Path(description="The version's number or its name.", examples=["3"]),
]


@dataclass(frozen=True, slots=True)
class VersionInModel:
    """A version and the model it is of, loaded in the request's transaction."""

    model: Model
    version: Version


async def resolve(session: AsyncSession, actor: Actor, model: str, ref: str) -> VersionView:
    """What a reference means to this actor, in one statement."""
    check(actor, Permission.VERSIONS_READ, model)
    found = []
    if "\0" not in model + ref:
        found = await queries.resolve_views(session, model, parse_ref(ref))
    if not found and ("\0" in model or await queries.model_is_absent(session, model)):
        raise absent(model)
    return only(found, model, ref)


class VersionToRead:
    """A dependency: what the `{ref}` in the path means, with all that an answer shows."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, model: ModelPath, ref: RefPath, actor: CurrentActor, session: Reading
    ) -> VersionView:
        """The version, or a 404, 403 or 409."""
        check(actor, self.permission, model)
        return await resolve(session, actor, model, ref)


class VersionToChange:
    """A dependency: the version that `{n}` names (a number or a name), in the transaction."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, model: ModelPath, n: NumberPath, actor: CurrentActor, session: Transaction
    ) -> VersionInModel:
        """The version, or a 404 or 403."""
        return await load_version(session, actor, model, n, self.permission)


async def load_version(
    session: AsyncSession, actor: Actor, model_name: str, text: str, permission: Permission
) -> VersionInModel:
    """The version of a number or a name; anything else is not what a change may name."""
    model = await load_model(session, actor, model_name, permission)
    version = None
    ref = parse_ref(text)
    if ref.kind is RefKind.NUMBER:
        version = await queries.by_number(session, model.id, ref.number)
    elif "\0" not in text:
        version = await queries.by_name(session, model.id, text)
    if version is None:
        raise NotFound(
            f"The model `{model_name}` has no version with the number or name `{text}`. Where "
            "something changes, an alias, a stage or `latest` is not accepted."
        )
    return VersionInModel(model, version)


class VersionToTransfer:
    """A dependency: the version that `{n}` names, looked up in a short session of its own, because
    no connection to the database is held while bytes are on their way."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self,
        model: ModelPath,
        n: NumberPath,
        actor: CurrentActor,
        runtime: Annotated[Runtime, Depends(get_runtime)],
    ) -> VersionInModel:
        """The version, or a 404 or 403."""
        async with runtime.db.reading() as session:
            return await load_version(session, actor, model, n, self.permission)


class VersionToReadFrom:
    """A dependency: what the `{ref}` means, looked up in a short session of its own, because no
    connection to the database is held while bytes are on their way."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self,
        model: ModelPath,
        ref: RefPath,
        actor: CurrentActor,
        runtime: Annotated[Runtime, Depends(get_runtime)],
    ) -> VersionView:
        """The version, or a 404, 403 or 409."""
        check(actor, self.permission, model)
        async with runtime.db.reading() as session:
            return await resolve(session, actor, model, ref)
