"""The page of rights: `docs/permissions.md`, made from the table in `app/access/table.py` and from
the routes that ask for each, so that it cannot say anything else than what is enforced.

`python -m app.meta.openapi` writes it together with the OpenAPI document.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.access.table import PUBLIC, RULES, Permission, Rule
from app.core.actor import Role

COMMITTED = Path("docs/permissions.md")
HEAD = (Path(__file__).parent / "permissions.md").read_text(encoding="utf-8")
ROOMS = {
    "self": "Yourself",
    "models": "Models",
    "versions": "Versions",
    "files": "Files",
    "stages": "Stages",
    "aliases": "Aliases",
    "evaluations": "Evaluations",
    "checks": "Checks",
    "comments": "Comments",
    "policy": "Policies",
    "promotions": "Promotions",
    "identities": "Identities",
    "groups": "Groups",
    "grants": "Grants",
    "tokens": "Tokens",
    "events": "The record",
    "redactions": "Redactions",
    "trust": "Trust",
    "metrics": "Metrics",
    "storage": "Storage",
}


def asked_by(dependant: Any) -> Iterator[Permission]:
    """The permissions in a route's tree of dependencies, in any depth."""
    for inner in dependant.dependencies:
        if isinstance(found := getattr(inner.call, "permission", None), Permission):
            yield found
        yield from asked_by(inner)


def build_page(app: FastAPI) -> str:
    """The page of an app's rights; the same bytes for the same app."""
    routes = _routes(app)
    rooms = defaultdict(list)
    for permission in Permission:
        rooms[permission.partition(".")[0]].append(permission)
    order = [room for room in ROOMS if room in rooms] + sorted(rooms.keys() - ROOMS.keys())
    parts = [HEAD.rstrip()]
    for room in order:
        title = ROOMS.get(room, room.capitalize())
        parts.append("\n".join([f"### {title}", "", *_table(rooms[room], routes)]))
    parts.append("\n".join(["## Open to anybody", "", _OPEN, "", *_public()]))
    return "\n\n".join(parts) + "\n"


_OPEN = (
    "These ask for no token. Nothing of a team's work is in what they answer; what lies under "
    "`/api/v1/transfer` proves itself by the signature in its address."
)


def _routes(app: FastAPI) -> dict[Permission, list[str]]:
    found = defaultdict(list)
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            if (method, route.path_format) not in PUBLIC:
                for permission in asked_by(route.dependant):
                    found[permission].append(f"`{method} {_short(str(route.path_format))}`")
    return found


def _table(permissions: list[Permission], routes: dict[Permission, list[str]]) -> list[str]:
    lines = ["| permission | what for | role | scope | routes |", "|---|---|---|---|---|"]
    for permission in permissions:
        rule = RULES[permission]
        asking = (
            "<br>".join(routes.get(permission, ()))
            or "asked for by what a route does, beside its own"
        )
        lines.append(
            f"| `{permission}` | {rule.what} | {_role(rule)} | `{rule.scope}` | {asking} |"
        )
    return lines


def _role(rule: Rule) -> str:
    if rule.role is None:
        return "any identity"
    return "`admin`" if rule.role is Role.ADMIN else f"`{rule.role}` on the model"


def _public() -> list[str]:
    return [
        f"- `{method} {_short(path)}`" for method, path in sorted(PUBLIC, key=lambda r: r[::-1])
    ]


def _short(path: str) -> str:
    return path.removeprefix("/api/v1") if "/transfer/" not in path else path
