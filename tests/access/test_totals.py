"""Who may read what all blobs and uploads come to."""

from uuid import uuid4

import pytest

from app.access.rules import may_read_totals
from app.core.actor import Actor, Grant, Role, Scope

EVERY = tuple(Scope)
READ = (Scope.READ,)
READER = Grant(Role.READER, "churn")
CONTRIBUTOR = Grant(Role.CONTRIBUTOR, "*")
ADMIN = Grant(Role.ADMIN, "*")


@pytest.mark.parametrize(
    ("grants", "scopes", "narrowed", "may"),
    [
        ((), READ, None, True),
        ((), EVERY, None, True),
        ((), READ, ("churn",), True),
        ((ADMIN,), EVERY, None, True),
        ((READER, ADMIN), (Scope.READ, Scope.ADMIN), None, True),
        ((ADMIN,), READ, None, False),
        ((ADMIN,), EVERY, ("churn",), False),
        ((READER,), EVERY, None, False),
        ((CONTRIBUTOR,), EVERY, None, False),
        ((CONTRIBUTOR,), READ, ("nothing-*",), False),
    ],
)
def test_totals_are_told_to_admins_and_to_whoever_was_granted_nothing(
    grants: tuple[Grant, ...],
    scopes: tuple[Scope, ...],
    narrowed: tuple[str, ...] | None,
    may: bool,
) -> None:
    actor = Actor(
        identity_id=uuid4(),
        name="prometheus",
        kind="service",
        owner_id=None,
        token_id=uuid4(),
        scopes=frozenset(scopes),
        token_models=narrowed,
        grants=grants,
    )
    assert may_read_totals(actor) is may
