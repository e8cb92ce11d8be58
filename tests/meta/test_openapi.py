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
from tests.meta.documents import headers_of, operations, resolved, takes

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_openapi(create_app())


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def has_example(field: dict[str, Any]) -> bool:
    """A value shows what it looks like, or has few values or a shape of its own."""
    telling = {"examples", "enum", "const", "default", "$ref"} & field.keys()
    inner = [shape for shape in field.get("anyOf", []) if shape != {"type": "null"}]
    if telling:
        return True
    return any(map(has_example, inner)) if inner else field.get("type") in ("array", "boolean")


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
        if not value.get("description")
    ]
    assert missing == []


def test_every_value_has_an_example(document: dict[str, Any]) -> None:
    missing = [
        f"{name}.{field}"
        for name, shape in document["components"]["schemas"].items()
        for field, value in shape.get("properties", {}).items()
        if not has_example(value)
    ]
    assert missing == []


def test_every_part_of_a_path_has_an_example(document: dict[str, Any]) -> None:
    missing = [
        f"{method} {path} {parameter['name']}"
        for path, method, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter.get("in") == "path"
        and not ("examples" in parameter["schema"] or "examples" in parameter)
    ]
    assert missing == []


def test_a_conditional_get_and_its_304_are_told_together(document: dict[str, Any]) -> None:
    conditional = []
    for path, method, operation in operations(document):
        asked = "If-None-Match" in takes(document, operation)
        assert asked == ("304" in operation["responses"]), f"{method} {path}"
        if asked:
            conditional.append(path)
            for status in ("200", "304"):
                assert "ETag" in headers_of(document, operation, status), f"{method} {path}"
    assert len(conditional) > 9


def test_every_answer_bears_the_id_of_its_request(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status in operation["responses"]:
            assert "X-Request-ID" in headers_of(document, operation, status), f"{method} {path}"


def test_lists_say_where_they_go_on(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        listing = "cursor" in takes(document, operation)
        assert listing == (
            "Link" in headers_of(document, operation, "200")
            if "200" in operation["responses"]
            else False
        ), path


def test_what_may_be_sent_again_says_that_it_was(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        repeatable = "Idempotency-Key" in takes(document, operation)
        done = {s for s in operation["responses"] if s.startswith("2")}
        for status in done:
            said = "Idempotent-Replay" in headers_of(document, operation, status)
            assert said == repeatable, f"{method} {path}"


def test_every_success_says_what_its_body_is(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status in ("200", "201", "202") and method != "head":
                assert answer.get("content"), f"{method} {path} {status}"


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    missing = [
        f"{method} {path} {parameter['name']}"
        for path, method, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if "$ref" not in parameter and not parameter.get("description")
    ]
    assert missing == []
