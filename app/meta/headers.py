"""The headers of requests and answers in the OpenAPI document.

FastAPI knows of the parameters only. The rest follows from what the routes already say: whatever a
GET with `If-None-Match` shows is a resource, and each answer that shows one bears its `ETag`; a
list goes on by `Link`; a new resource has its `Location`.
"""

from typing import Any

Shapes = dict[tuple[str, str], Any]  # (path, method): what a success shows


def _header(description: str, *, kind: str = "string", example: Any, required: bool = False) -> Any:
    found = {"description": description, "schema": {"type": kind, "examples": [example]}}
    return {**found, "required": True} if required else found


HEADERS = {
    "ETag": _header(
        "The revision of what is shown, for `If-None-Match` and `If-Match`; a file's SHA-256.",
        example='"r3"',
    ),
    "Location": _header("The address of what was made.", example="/api/v1/models/churn"),
    "Link": _header(
        "The next page; absent on the last one.",
        example='</api/v1/models?cursor=WyJjaHVybiJd>; rel="next"',
    ),
    "Idempotent-Replay": _header(
        "`true` where this is the answer to an earlier request under the same `Idempotency-Key`, "
        "and nothing was done now; else absent.",
        example="true",
    ),
    "X-Request-ID": _header(
        "The id of the request: its own `X-Request-ID`, or a new one. The server's log and the "
        "events hold it too.",
        example="0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80",
        required=True,
    ),
    "Token-Expires-Soon": _header(
        "When the token that was used ends, where that is within 7 days and it should be rotated "
        "by now (`POST /tokens/{token_id}/rotate`); else absent. Problems bear it too.",
        example="2026-11-23T09:30:00Z",
    ),
    "Accept-Ranges": _header("Parts of it can be asked for by `Range`.", example="bytes"),
    "Content-Range": _header("Which bytes these are, of how many.", example="bytes 0-1023/48213"),
    "Content-Disposition": _header(
        "To be saved and never shown.", example='attachment; filename="model.pkl"'
    ),
    "Repr-Digest": _header(
        "The SHA-256 of the whole file (RFC 9530).",
        example="sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:",
    ),
}
_LINK = "https://stageward.example.com/api/v1/transfer/blobs/9f86…?expires=…&signature=…"
OF_BYTES = ("ETag", "Repr-Digest", "Content-Disposition", "Accept-Ranges")


def _asked(name: str, description: str) -> dict[str, Any]:
    # Without an example: /docs would fill it in, and the answer would be a 412 or a part.
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


PARAMETERS = {
    "IfMatchBytes": _asked(
        "If-Match", "Send these bytes only, by their quoted SHA-256; others are a 412."
    ),
    "IfNoneMatchBytes": _asked("If-None-Match", "The `ETag` that you have: the same is a 304."),
    "Range": _asked("Range", "Which bytes to send, as `bytes=0-1023`; one range is honoured."),
    "IfRange": _asked("If-Range", "Honour `Range` only for these bytes; else send all."),
}


def add_headers(document: dict[str, Any], shapes: Shapes) -> None:
    """Say of every operation which headers it takes and its answers bear."""
    resources = tuple(
        shape
        for path, item in document["paths"].items()
        if "get" in item and "If-None-Match" in _names(item["get"])
        if isinstance(shape := shapes.get((path, "get")), type)
    )
    for path, item in document["paths"].items():
        has_bytes = _is_bytes(item.get("get", {}))
        for method, operation in item.items():
            if has_bytes and method in ("get", "head"):
                _tell_bytes(method, operation)
            shape = shapes.get((path, method))
            is_document = shape is None and "If-None-Match" in _names(operation)
            if is_document or (isinstance(shape, type) and issubclass(shape, resources)):
                _tell_resource(method, operation)
            _tell_usual(method, operation)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    components = document["components"]
    components["headers"] = dict(sorted(HEADERS.items()))
    components["parameters"] |= PARAMETERS


def _names(operation: dict[str, Any]) -> set[str]:
    return {parameter.get("name", "") for parameter in operation.get("parameters", [])}


def _is_bytes(operation: dict[str, Any]) -> bool:
    whole = operation.get("responses", {}).get("200", {})
    return "application/octet-stream" in whole.get("content", {})


def _bears(answer: dict[str, Any], *names: str) -> None:
    headers = answer.setdefault("headers", {})
    for name in names:
        headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _tell_bytes(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    unchanged = {"description": "`If-None-Match` names these very bytes."}
    _bears(answers.setdefault("304", unchanged), "ETag")
    _bears(answers["200"], *OF_BYTES)
    taken = ["IfMatchBytes", "IfNoneMatchBytes"]
    if method == "get":
        taken += ["Range", "IfRange"]
        _bears(answers["206"], *OF_BYTES, "Content-Range")
        _bears(answers["416"], "Content-Range")
    if "307" in answers:
        answers["307"]["headers"] = {"Location": _header("The signed link.", example=_LINK)}
    operation.setdefault("parameters", []).extend(
        {"$ref": f"#/components/parameters/{name}"} for name in taken
    )


def _tell_resource(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "If-None-Match" in _names(operation):
        answers["304"] = {"description": "It is still as `If-None-Match` says."}
    for status in ("200", "201", "202", "304"):
        if status in answers:
            _bears(answers[status], "ETag")
    if method == "post" and "201" in answers:
        _bears(answers["201"], "Location")


def _tell_usual(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "cursor" in _names(operation):
        _bears(answers["200"], "Link")
    for status, answer in answers.items():
        if method == "post" and status.startswith("2") and operation["security"]:
            _bears(answer, "Idempotent-Replay")
        if operation.get("security") and status < "400":
            _bears(answer, "Token-Expires-Soon")
        _bears(answer, "X-Request-ID")
