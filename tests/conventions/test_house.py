"""The house rules that a machine can hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MODULES = sorted(APP.rglob("*.py"))


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


def test_rules_decide_on_plain_values() -> None:
    """No session, no clock, no I/O in any rules.py."""
    forbidden = ("sqlalchemy", "fastapi", "httpx", "time", "random", "os", "pathlib")
    faults = [
        f"{path.relative_to(APP)} imports {name}"
        for path in APP.glob("*/rules.py")
        for name in imports_of(path)
        if name.split(".")[0] in forbidden
    ]
    assert faults == []


def test_no_exception_is_swallowed() -> None:
    faults = [
        f"{path.relative_to(APP)}:{node.lineno}"
        for path, node in nodes()
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert faults == []
