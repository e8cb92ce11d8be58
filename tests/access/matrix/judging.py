"""What the table of rights makes of a case for a kind of actor."""

from collections.abc import Iterator

from app.access.table import RULES, Permission, Rule
from tests.access.matrix.case import Case
from tests.access.matrix.kinds import Kind


def expected(case: Case, kind: Kind, permission: Permission | None) -> int | None:
    """The status of the refusal; None where the request succeeds. `permission` is what the route
    asks for (None: it is open to anybody)."""
    if permission is None:
        return None
    if not kind.known:
        return 401
    if case.concerns_a_model and not kind.sees:
        return 403 if case.gives_a_name else 404
    if case.of_others and not kind.is_global_admin:
        return 404
    if not all(_holds(rule, case, kind) for rule in _rules(case, permission)):
        return 403
    return None


def _rules(case: Case, permission: Permission) -> Iterator[Rule]:
    yield RULES[permission]
    if case.also is not None:
        yield RULES[case.also]
    if case.takes is not None:
        yield case.takes


def _holds(rule: Rule, case: Case, kind: Kind) -> bool:
    if not kind.may_use(rule.scope):
        return False
    if rule.role is None:
        return True
    return kind.has(rule.role) if case.concerns_a_model else kind.is_global_admin
