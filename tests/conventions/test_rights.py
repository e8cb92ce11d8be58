"""Every route names who may use it, and every right is asked for somewhere."""

import ast
from pathlib import Path

import pytest
from fastapi.routing import RouteContext, iter_route_contexts

from app.access import table
from app.access.table import PUBLIC, RULES, Permission
from app.core.actor import Role, Scope
from app.edge.routing import Route
from app.main import create_app
from app.meta.permissions import COMMITTED, asked_by, build_page
from tests.access.matrix.catalogue import CATALOGUE

APP = Path(__file__).parents[2] / "app"
# Rights that a later feature will ask for. The list only shrinks.
RESERVED: frozenset[Permission] = frozenset()


def routes() -> list[tuple[str, str, RouteContext]]:
    return [
        (method, str(route.path_format), route)
        for route in iter_route_contexts(create_app().routes)
        for method in sorted(route.methods or ())
    ]


ROUTES = routes()
NAMES = {f"{method} {path}" for method, path, _ in ROUTES}
GUARDED = [found for found in ROUTES if found[:2] not in PUBLIC]


def named(found: tuple[str, str, RouteContext]) -> str:
    return f"{found[0]} {found[1]}"


@pytest.mark.parametrize("found", GUARDED, ids=named)
def test_a_route_asks_for_exactly_one_right(found: tuple[str, str, RouteContext]) -> None:
    asked = list(asked_by(found[2].dependant))
    assert len(asked) == 1, f"{named(found)} asks for {asked}; see app/access/table.py"
    assert asked[0] in RULES


@pytest.mark.parametrize("found", GUARDED, ids=named)
def test_a_route_of_the_api_has_the_edge_around_it(found: tuple[str, str, RouteContext]) -> None:
    method, path, route = found
    if path.startswith("/api/v1/"):
        assert isinstance(route.original_route, Route)
    else:
        assert (method, path) == ("GET", "/metrics")


@pytest.mark.parametrize("found", ROUTES, ids=named)
def test_a_public_route_asks_for_no_right(found: tuple[str, str, RouteContext]) -> None:
    if found[:2] in PUBLIC:
        assert list(asked_by(found[2].dependant)) == []


def test_what_is_listed_as_public_is_there() -> None:
    assert {found[:2] for found in ROUTES} >= PUBLIC


def test_only_what_proves_itself_is_public_in_the_api() -> None:
    """Signed links, and a token that an issuer signed and that is exchanged for one of ours; and
    sign-in, whose proof is what the OIDC provider says of whoever was there."""
    public = {path for _, path in PUBLIC if path.startswith("/api/v1/")}
    sign_in = tuple(f"/api/v1/auth/{step}" for step in ("authorize", "callback", "token"))
    proven = ("/api/v1/transfer/", "/api/v1/auth/exchange", *sign_in)
    assert all(path.startswith(proven) for path in public), public


@pytest.mark.parametrize("found", GUARDED, ids=named)
def test_a_change_takes_more_than_reading_or_is_about_yourself(
    found: tuple[str, str, RouteContext],
) -> None:
    """Tokens may narrow, replace and end themselves, whatever they are for; their rules are their
    own. A preview and a batch of references change nothing: they are POSTs for their bodies."""
    (asked,) = asked_by(found[2].dependant)
    only_asks = found[1].endswith("/preview") or asked is Permission.VERSIONS_RESOLVE
    if found[0] not in ("GET", "HEAD") and not only_asks:
        about_tokens = asked in (
            *(Permission.TOKENS_ISSUE, Permission.TOKENS_ROTATE, Permission.TOKENS_REVOKE),
        )
        assert about_tokens or (RULES[asked].scope != Scope.READ and RULES[asked].role is not None)


def test_every_permission_has_a_rule() -> None:
    assert set(RULES) == set(Permission)


def test_the_global_role_takes_the_scope_admin() -> None:
    assert all(rule.scope is Scope.ADMIN for rule in RULES.values() if rule.role is Role.ADMIN)


def test_no_right_is_dead() -> None:
    """Each is named by a route, or by a use case that asks for more than its route does."""
    used = {
        node.attr
        for path in APP.rglob("*.py")
        if path != Path(table.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("Permission", "P")
    }
    dead = {permission for permission in Permission if permission.name not in used}
    assert dead == RESERVED


def test_the_page_of_rights_is_the_one_that_the_table_makes() -> None:
    committed = (APP.parent / COMMITTED).read_text(encoding="utf-8")
    assert committed == build_page(create_app()), "run `python -m app.meta.openapi`"


@pytest.mark.parametrize("permission", list(Permission))
def test_the_page_says_what_a_permission_is_for(permission: Permission) -> None:
    what = RULES[permission].what
    assert what.endswith(".")
    assert "|" not in what
    assert f"| `{permission}` | {what} |" in build_page(create_app())


def test_every_route_is_in_the_catalogue() -> None:
    missing = NAMES - {case.route for case in CATALOGUE}
    assert not missing, (
        f"{sorted(missing)}: say in tests/access/matrix/catalogue.py how each is called so that it "
        "succeeds: one line `Case(...)`. What it needs to be there is made in matrix/scene.py, or "
        "just before the call by the case's `before`."
    )


def test_everything_in_the_catalogue_is_a_route() -> None:
    assert {case.route for case in CATALOGUE} <= NAMES
    names = [str(case) for case in CATALOGUE]
    assert len(names) == len(set(names))
