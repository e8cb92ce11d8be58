"""Sentences for people from what pydantic found wrong, each with a pointer to the value.

The values themselves are never repeated: one of them may be a secret put in the wrong field.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

MOST_ERRORS = 100
LONGEST_POINTER = 1000

_SENTENCES = {
    "missing": "This is required.",
    "none_required": "This must be null.",
    "finite_number": "Must be a finite number: NaN and infinities are not allowed.",
    "model_attributes_type": "Must be a JSON object; send it as `Content-Type: application/json`.",
    "model_type": "Must be a JSON object.",
    "dict_type": "Must be a JSON object.",
    "list_type": "Must be a JSON list.",
    "string_type": "Must be a text.",
    "bool_type": "Must be true or false.",
    "string_unicode": "Must be valid UTF-8 text.",
}
_REWORDINGS = (
    ("Value error, ", ""),
    ("Assertion failed, ", ""),
    ("Input should be ", "Must be "),
    ("String should ", "The text must "),
    ("List should ", "The list must "),
    ("Dictionary should ", "The object must "),
    ("should have", "must have"),
)


def is_malformed(error: RequestValidationError) -> bool:
    """Whether the body could not be read as JSON at all, which is a 400 and not a 422."""
    return any(found["type"] == "json_invalid" for found in error.errors())


def sentences(error: RequestValidationError, route: object) -> list[dict[str, str]]:
    """`[{"pointer", "detail"}]`, at most 100. `route` tells which fields a body may have.

    `pointer` is a JSON pointer (RFC 6901) into the body, or the name of a parameter.
    """
    body_field = getattr(route, "body_field", None)
    shape = getattr(getattr(body_field, "field_info", None), "annotation", None)
    told = [_entry(found, error.body, shape) for found in error.errors()[:MOST_ERRORS]]
    unique = {(entry["pointer"], entry["detail"]): entry for entry in told}
    return list(unique.values())


def pointer(steps: Sequence[str | int]) -> str:
    """A JSON pointer: `/metrics/auc`, with `~` as `~0` and `/` as `~1`."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "".join(f"/{step}" for step in escaped)[:LONGEST_POINTER]


def _entry(found: Mapping[str, Any], body: object, shape: object) -> dict[str, str]:
    place, *rest = found["loc"]
    if place != "body":
        detail = _sentence(found)
        named = str(rest[0]) if rest else str(place)
        kind = f"{str(place).capitalize()} parameter" if place != "header" else "Header"
        return {"pointer": named, "detail": f"{kind}: {detail[0].lower()}{detail[1:]}"}
    if found["type"] == "json_invalid":
        reason = found.get("ctx", {}).get("error", "it does not parse")
        at = rest[0] if rest else 0
        return {"pointer": "", "detail": f"The JSON does not parse: {reason}, at character {at}."}
    steps = _real_steps(rest, body, missing=found["type"] == "missing")
    if not steps and found["type"] == "missing":
        return {
            "pointer": "",
            "detail": "A JSON body is required (`Content-Type: application/json`).",
        }
    if found["type"] == "extra_forbidden":
        return {"pointer": pointer(steps), "detail": _unknown_field(steps, shape, body)}
    return {"pointer": pointer(steps), "detail": _sentence(found)}


def _sentence(found: Mapping[str, Any]) -> str:
    text: str = _SENTENCES.get(found["type"], found["msg"])
    if found["type"] in {"union_tag_invalid", "literal_error", "enum"}:
        expected = found.get("ctx", {})
        allowed = expected.get("expected_tags") or expected.get("expected")
        text = f"Must be one of: {allowed}."
    for old, new in _REWORDINGS:
        text = text.replace(old, new)
    text = f"{text[:1].upper()}{text[1:]}"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _real_steps(steps: Sequence[str | int], body: object, *, missing: bool) -> list[str | int]:
    """The steps that exist in the body; pydantic also names union members and validators."""
    real: list[str | int] = []
    node = body
    for index, step in enumerate(steps):
        found, node = _step_into(node, step)
        if found or (missing and index == len(steps) - 1):
            real.append(step)
    return real


def _step_into(node: object, step: str | int) -> tuple[bool, object]:
    if isinstance(node, dict) and step in node:
        return True, node[step]
    if isinstance(node, list) and isinstance(step, int) and 0 <= step < len(node):
        return True, node[step]
    return False, node


def _unknown_field(steps: Sequence[str | int], shape: object, body: object) -> str:
    kinds, node = list(_alternatives(shape)), body
    for step in steps[:-1]:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
        _, node = _step_into(node, step)
    kinds = [kind for kind in kinds if not _is_another(kind, node)]
    known = dict.fromkeys(
        field.alias or name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    )
    if not known:
        return "Unknown field. Remove it."
    return f"Unknown field. The fields are: {', '.join(known)}."


def _is_another(kind: object, node: object) -> bool:
    """Whether what was sent calls itself another kind of thing, by a `type` that is not its own."""
    if not isinstance(node, dict) or not isinstance(kind, type) or not issubclass(kind, BaseModel):
        return False
    fields = kind.model_fields.items()
    return any(
        get_origin(field.annotation) is Literal
        and name in node
        and node[name] not in get_args(field.annotation)
        for name, field in fields
    )


def _alternatives(kind: object) -> Iterator[object]:
    """The members of a union, with annotations and aliases taken off."""
    if hasattr(kind, "__value__"):  # `type X = …`
        yield from _alternatives(kind.__value__)
    elif get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for member in get_args(kind):
            yield from _alternatives(member)
    else:
        yield kind


def _inside(kind: object, step: str | int) -> Iterator[object]:
    """What a body of this kind holds under one step."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in {field.alias, name}:
                yield from _alternatives(field.annotation)
    elif get_args(kind):
        yield from _alternatives(get_args(kind)[-1])
