"""Reading an OpenAPI document."""

from collections.abc import Iterator
from typing import Any


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of each."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """The value, or what it refers to."""
    if "$ref" not in value:
        return value
    node = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        node = node[part]
    return node


def headers_of(document: dict[str, Any], operation: dict[str, Any], status: str) -> set[str]:
    """The headers that an answer is said to have."""
    return set(resolved(document, operation["responses"][status]).get("headers", {}))


def takes(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    """The names of an operation's parameters."""
    return {resolved(document, p)["name"] for p in operation.get("parameters", [])}
