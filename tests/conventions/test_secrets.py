"""Secrets are compared in constant time, and nothing shows one by being printed."""

import ast
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

import app
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime

APP = Path(__file__).parents[2] / "app"
SECRET = re.compile(
    r"(?:^|_)(?:secret|password|signature|verifier|nonce|mac|assertion|token|salt)$"
)
PRINTED = re.compile(r"(?:^|_)(?:secret|password|token|verifier|nonce|assertion|url)$")
# Names of these shapes that are no secret.
PUBLIC = {
    ("CheckInput", "url"),  # where a check's report is to be read
    ("CheckOutput", "url"),
    ("Run", "url"),
    ("RunOutput", "url"),
    ("Settings", "public_url"),
}
# A version's `signature` is that of its inputs and outputs; SQL compares digests only.
NOT_COMPARED = ("versions/", "promotions/", "queries.py", "statements.py")


def _word(node: ast.AST) -> str:
    """The last word of what is compared: `links.signature`, `found["signature"]`, `signature`."""
    if isinstance(node, ast.Call):
        asked = [arg for arg in node.args if isinstance(arg, ast.Constant)]
        return _word(asked[0]) if asked else ""
    if isinstance(node, ast.Subscript):
        return _word(node.slice)
    name = getattr(node, "attr", None) or getattr(node, "id", None)
    return str(name or getattr(node, "value", "") or "")


def compared() -> Iterator[str]:
    for path in sorted(APP.rglob("*.py")):
        name = path.relative_to(APP).as_posix()
        if any(part in name for part in NOT_COMPARED):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Compare):
                continue
            sides = (node.left, *node.comparators)
            plain = any(isinstance(side, ast.Constant) for side in sides)
            equal = any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
            if equal and not plain and any(SECRET.search(_word(side)) for side in sides):
                yield f"{name}:{node.lineno}"


def test_no_secret_is_compared_character_by_character() -> None:
    """`hmac.compare_digest` takes as long for a wrong guess as for a nearly right one."""
    assert list(compared()) == []


def classes() -> Iterator[type]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and found.__module__ == module.name:
                    yield found


def printed(found: type) -> Iterator[str]:
    """The fields that its `repr` shows as they are."""
    if dataclasses.is_dataclass(found) and found.__dataclass_params__.repr:  # type: ignore[attr-defined]
        yield from (f.name for f in dataclasses.fields(found) if f.repr and f.type in (str, "str"))
    elif issubclass(found, BaseModel):
        for name, field in found.model_fields.items():
            if field.repr and str in _parts(field.annotation):
                yield name


def _parts(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", (annotation,))


def test_what_holds_a_secret_does_not_print_it() -> None:
    faults = {
        (found.__name__, name)
        for found in classes()
        for name in printed(found)
        if PRINTED.search(name) and (found.__name__, name) not in PUBLIC
    }
    assert faults == set()


def test_settings_and_runtime_do_not_print_what_they_hold(tmp_path: Path) -> None:
    secret = "topsecret-" * 4
    named = {
        name: f"postgresql://app:{secret}@db/x" if name.endswith("_url") else secret
        for name, field in Settings.model_fields.items()
        if SecretStr in _parts(field.annotation) and name != "seal_key"
    }
    assert len(named) >= 7
    named |= {"s3_bucket": "models", "s3_access_key": "key"}
    named |= {"oidc_issuer": "https://id.example.com", "oidc_client_id": "stageward"}
    settings = Settings(data_dir=tmp_path, **named)  # type: ignore[arg-type]
    assert secret.encode() in settings.signing_key
    runtime: Runtime = build_runtime(settings, settings.serving_url)
    for shown in (settings, runtime, runtime.db, runtime.hub, runtime.store, runtime.db.engine):
        assert secret not in f"{shown} {shown!r}"
