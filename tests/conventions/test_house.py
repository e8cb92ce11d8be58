"""The house rules that a machine can hold."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MODULES = sorted(APP.rglob("*.py"))
# What stands above every room and starts it: nothing below knows it.
ROOTS = ("main", "recovery", "serving", "worker", "cli", "doctor", "__main__")


def room_of(path: Path) -> str:
    parts = path.relative_to(APP).parts
    return parts[0] if len(parts) > 1 else ""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_room_imports_the_router_or_the_queries_of_another() -> None:
    faults = []
    for path in MODULES:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] != "app" or len(parts) < 3 or parts[1] == room_of(path):
                continue
            if parts[2] in ("router", "queries"):
                faults.append(f"{path.relative_to(APP)} imports {name}")
    assert faults == []


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in MODULES:
        yield from ((path, node) for node in ast.walk(ast.parse(path.read_text())))


def test_transactions_are_committed_in_one_place() -> None:
    faults = [
        f"{path.relative_to(APP)}:{node.lineno}"
        for path, node in nodes()
        if path != APP / "core" / "db.py"
        and isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("commit", "rollback")
    ]
    assert faults == []


@pytest.mark.parametrize("path", sorted(APP.glob("*/__init__.py")), ids=lambda p: p.parent.name)
def test_a_room_says_what_it_promises_and_imports_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    assert list(imports_of(path)) == []


def files_of(kind: str) -> list[Path]:
    """Every room's `service.py`, say, or what is in its folder `service/`."""
    found = [*APP.glob(f"*/{kind}.py"), *APP.glob(f"*/{kind}/**/*.py")]
    assert found
    return found


def imported(paths: list[Path], forbidden: tuple[str, ...]) -> list[str]:
    """The imports of these packages in these files."""
    return [
        f"{path.relative_to(APP)} imports {name}"
        for path in paths
        for name in imports_of(path)
        if name.split(".")[0] in forbidden
    ]


def clocks_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in ("now", "today", "utcnow"):
            yield f"{called.lineno}: {ast.unparse(called)}"


def test_rules_decide_on_plain_values() -> None:
    """No session, no clock, no I/O in any rules."""
    forbidden = ("sqlalchemy", "fastapi", "starlette", "httpx", "time", "random", "os", "pathlib")
    assert imported(files_of("rules"), forbidden) == []
    faults = [
        f"{path.relative_to(APP)}:{call}"
        for path in files_of("rules")
        for call in clocks_read(ast.parse(path.read_text()))
    ]
    assert faults == []


@pytest.mark.parametrize(
    "code", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "x.now()"]
)
def test_a_look_at_the_clock_is_seen(code: str) -> None:
    assert len(list(clocks_read(ast.parse(f"def f(): return {code}")))) == 1


@pytest.mark.parametrize("kind", ["service", "queries", "rules", "tables"])
def test_below_the_routers_nobody_knows_http(kind: str) -> None:
    assert imported(files_of(kind), ("fastapi", "starlette", "httpx")) == []


def test_a_router_knows_nothing_of_what_starts_it() -> None:
    faults = [
        f"{path.relative_to(APP)} imports {name}"
        for path in files_of("router")
        for name in imports_of(path)
        if name.split(".")[:2] in [["app", root] for root in ROOTS]
    ]
    assert faults == []


def test_every_room_has_its_place_in_the_order_of_imports() -> None:
    settings = tomllib.loads((APP.parent / "pyproject.toml").read_text())
    order = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    modules = {path.stem for path in APP.glob("*.py")} - {"__init__"}
    rooms = {path.parent.name for path in APP.glob("*/__init__.py")}
    assert modules <= set(ROOTS) <= modules | rooms
    assert set(order["layers"]) == {f"app.{name}" for name in modules | rooms}
    # What a glob ignores must be no more than the routers.
    assert order["ignore_imports"] == ["app.*.router -> app.**"]


def test_no_exception_is_swallowed() -> None:
    faults = [
        f"{path.relative_to(APP)}:{node.lineno}"
        for path, node in nodes()
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert faults == []
