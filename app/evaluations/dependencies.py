"""The version that an evaluation is of."""

from app.access.dependencies import CurrentActor
from app.access.table import Permission
from app.core.runtime import Transaction
from app.models.dependencies import ModelPath, load_model
from app.versions.dependencies import RefPath, VersionInModel, resolve


class VersionToMeasure:
    """A dependency: what the `{ref}` in the path means, in the transaction. Whoever measures
    changes nothing of the version, and so may name it by any reference."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, model: ModelPath, ref: RefPath, actor: CurrentActor, session: Transaction
    ) -> VersionInModel:
        """The version, or a 404, 403 or 409."""
        found = await load_model(session, actor, model, self.permission)
        return VersionInModel(found, (await resolve(session, actor, model, ref)).version)
