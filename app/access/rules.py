"""Deciding whether an actor may: by the table of rights, their roles and their token's scopes."""

from app.access.table import RULES, Permission
from app.core.actor import Actor, Role
from app.core.problems import NotAllowed, NotFound


def may(actor: Actor, permission: Permission, model: str | None = None) -> bool:
    """Whether an actor has a permission, on a model of this name where one is concerned."""
    rule = RULES[permission]
    return actor.has_scope(rule.scope) and _has_role(actor, rule.role, model)


def may_read_totals(actor: Actor) -> bool:
    """Whether an actor may read what all blobs and uploads come to: by the table, or because
    nothing was ever granted to them, as to the service account of a Prometheus. Everybody else may
    be one who sends bytes, and could tell from the totals whether theirs were here already."""
    return not actor.grants or may(actor, Permission.METRICS_READ_TOTALS)


def _has_role(actor: Actor, needed: Role | None, model: str | None) -> bool:
    if needed is None:
        return True
    if model is None:
        return actor.is_admin
    role = actor.role_on(model)
    return role is not None and role.includes(needed)


def check(actor: Actor, permission: Permission, model: str) -> None:
    """Pass, or raise: 404 where the model is hidden from the actor, 403 where the permission is
    missing, naming the role or scope that it takes."""
    if actor.role_on(model) is None:
        raise NotFound(f"There is no model `{model}`, or it is hidden from you.")
    rule = RULES[permission]
    if not _has_role(actor, rule.role, model):
        raise NotAllowed(
            f"This takes the role {rule.role} on the model `{model}`; "
            f"{actor.name} has the role {actor.role_on(model)}. Ask an admin for a grant."
        )
    _check_scope(actor, permission)


def check_new(actor: Actor, permission: Permission, model: str) -> None:
    """The same for a model that is to be made: 403 also where the name is outside all grants."""
    if actor.role_on(model) is None:
        raise NotAllowed(
            f"This takes the role {RULES[permission].role} on the model `{model}`; no grant of "
            f"{actor.name}'s covers that name. Ask an admin for a grant."
        )
    check(actor, permission, model)


def require_server(actor: Actor, permission: Permission) -> None:
    """The same for what concerns no model: 403 where the permission is missing."""
    _check_scope(actor, permission)
    if not _has_role(actor, RULES[permission].role, None):
        raise NotAllowed(
            "This takes the global role admin, and a token that is not narrowed to some models."
        )


def _check_scope(actor: Actor, permission: Permission) -> None:
    scope = RULES[permission].scope
    if not actor.has_scope(scope):
        raise NotAllowed(
            f"This takes a token with the scope `{scope}`; this one has "
            f"{', '.join(sorted(actor.scopes)) or 'none'}."
        )
