"""The OpenAPI document: complete, the same every time, and the one in `docs/`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.problems import every_problem
from app.main import create_app
from app.meta.openapi import COMMITTED, as_text, build_openapi

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_openapi(create_app())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    node = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        node = node[part]
    return node


def described(field: dict[str, Any]) -> bool:
    """A field tells about itself, or its only shape does."""
    inner = field.get("anyOf", [])
    return "description" in field or "$ref" in field or any(described(shape) for shape in inner)


def test_the_committed_document_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    committed = (ROOT / COMMITTED).read_text(encoding="utf-8")
    assert committed == as_text(document), "run `python -m app.meta.openapi`"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_makes_the_same_document(document: dict[str, Any], seed: str) -> None:
    made = subprocess.run(
        [sys.executable, "-c", "from app.main import create_app\nfrom app.meta.openapi import *\n"
         "print(as_text(build_openapi(create_app())), end='')"],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True,
    )  # fmt: skip
    assert made.stdout.decode() == as_text(document)


async def test_the_served_document_is_whole(
    alone: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    assert (await alone.get("/openapi.json")).json() == json.loads(as_text(document))


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    seen = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert not operation["summary"].endswith("."), where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        assert operation["operationId"] not in seen, where
        seen.add(operation["operationId"])


def test_every_error_is_a_problem_with_examples(document: dict[str, Any]) -> None:
    known = set(every_problem())
    for path, method, operation in operations(document):
        for status, shared in operation["responses"].items():
            if int(status) < 400:
                continue
            where = f"{method} {path} {status}"
            answer = resolved(document, shared)
            assert set(answer["content"]) == {PROBLEM}, where
            examples = answer["content"][PROBLEM]["examples"]
            assert examples, where
            assert set(examples) <= known, where
            assert all(str(e["value"]["status"]) == status for e in examples.values()), where


def test_every_operation_with_a_token_tells_the_usual_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if operation["security"]:
            assert {"401", "403", "404", "422", "500", "503"} <= set(operation["responses"]), (
                f"{method} {path}"
            )


def test_the_shapes_of_the_framework_are_gone(document: dict[str, Any]) -> None:
    assert "ValidationError" not in as_text(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        assert resolved(document, {"$ref": reference}) is not None


def test_every_field_is_described(document: dict[str, Any]) -> None:
    missing = [
        f"{name}.{field}"
        for name, shape in document["components"]["schemas"].items()
        for field, value in shape.get("properties", {}).items()
        if not described(value)
    ]
    assert missing == []


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    missing = [
        f"{method} {path} {parameter['name']}"
        for path, method, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if "$ref" not in parameter and not parameter.get("description")
    ]
    assert missing == []
