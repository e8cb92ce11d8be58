"""The OpenAPI document: how people browse this product, and what `docs/openapi.json` holds.

FastAPI's document is taken and finished here: stable operation ids, the order of tags, one shape
for every error, a token only where one is needed. The same code gives the same bytes every time.
"""

import importlib
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from app import __version__
from app.core.problems import AddressTooLong
from app.core.problems_docs import (
    MEDIA_TYPE,
    InvalidValue,
    ProblemDocument,
    common,
    common_with_body,
    responses,
)
from app.meta import permissions
from app.meta.headers import Shapes, add_headers
from app.meta.permissions import build_page

COMMITTED = Path("docs/openapi.json")
SCHEME, SIGN_IN = "token", "sign_in"
METHODS = ("get", "head", "post", "put", "patch", "delete")
GUIDE = (Path(__file__).parent / "guide.md").read_text(encoding="utf-8")

TAGS = {
    "Models": "What is trained again and again: a name, tags, and the versions under it.",
    "Versions": "One immutable, numbered build of a model with its whole recipe.",
    "Files": "The bytes of a version: sent in one piece or in resumable parts, always proven.",
    "Stages": "Who holds which stage, now and at any time before; aliases; rollback.",
    "Evaluations": "How a ready version did on data, as somebody measured it.",
    "Series": "Learning curves, and the trend of a metric over versions.",
    "Knowing": "Compare versions, trace data and parents, document, reproduce.",
    "Checks": "A machine's verdict on exactly the bytes of a version.",
    "Promotions": "The request to move a version to a stage: gates, reviews, apply.",
    "Policy": "What a promotion must satisfy: gates, approvals and the way between stages.",
    "Comments": "What people say about versions and promotions, with every earlier text.",
    "Identities": "People and service accounts.",
    "Tokens": "The credentials of identities; a secret is shown once.",
    "Groups": "Sets of identities that grants and policies can name.",
    "Grants": "Which role an identity or a group has on which models.",
    "Trust": "CI without secrets: which tokens of which OIDC issuer stand for a service account.",
    "Sign-in": "People come with their account at the team's OIDC provider.",
    "Events": "Every change: who, when, from where, and what differed; sealed in a chain.",
    "Redactions": "Removing a secret that somebody pasted, for good and everywhere.",
    "Storage": "What the blobs take, and what storing equal bytes once saves.",
    "Health": "The service about itself. No token is needed but for the metrics.",
}

_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token (`swd_…`). The first start of a server prints one for its admin; "
    "`POST /api/v1/tokens` makes more.",
}

_SIGN_IN = {
    "type": "oauth2",
    "description": "Sign in with your account at the team's OIDC provider: it gives a token that "
    "lives an hour, or as long as the operator set.",
    "flows": {
        "authorizationCode": {
            "authorizationUrl": "/api/v1/auth/authorize",
            "tokenUrl": "/api/v1/auth/token",
            "scopes": {
                "read": "See what you may see.",
                "write": "Register, upload, measure, promote.",
                "review": "Approve and reject.",
                "admin": "Administer, if you are an admin.",
            },
        }
    },
}

_IDEMPOTENCY_KEY = {"$ref": "#/components/parameters/IdempotencyKey"}
_IDEMPOTENCY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own (a UUID, say). Sent again with the same key within 24 "
    "hours, the same request answers the first response and does nothing twice.",
    "schema": {"type": "string", "maxLength": 255},
}


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The finished document of an app; made once and then kept on it."""
    if not app.openapi_schema:
        app.openapi_schema = _finish(_fastapis_own(app), _names(app), _shapes(app))
    return app.openapi_schema


def with_sign_in(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a server that people can sign in to: what takes a token takes one of a
    sign-in. The committed one is of no server, and so without."""
    components = document["components"]
    schemes = {**components["securitySchemes"], SIGN_IN: _SIGN_IN}
    paths = {
        path: {
            method: {**operation, "security": [*operation["security"], {SIGN_IN: []}]}
            if operation["security"]
            else operation
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    return {**document, "paths": paths, "components": {**components, "securitySchemes": schemes}}


def as_text(document: dict[str, Any]) -> str:
    """The document as the file in `docs/` holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _fastapis_own(app: FastAPI) -> dict[str, Any]:
    with warnings.catch_warnings():
        # A route of two methods has two operations of one id until `_finish` names them.
        warnings.filterwarnings("ignore", message="Duplicate Operation ID")
        return get_openapi(
            title="Stageward",
            version=__version__,
            summary="Which version is in production, what made it, and who agreed.",
            description=GUIDE,
            routes=app.routes,
            servers=[{"url": "/", "description": "This server."}],
        )


def _names(app: FastAPI) -> dict[tuple[str, str], str]:
    """`{(path, method): "models.create"}` from the tag and the name of each endpoint."""
    names: dict[tuple[str, str], str] = {}
    for route in iter_route_contexts(app.routes):
        endpoint = route.endpoint
        for method in sorted(route.methods or ()):
            if endpoint is not None and route.path_format is not None:
                tag = str((getattr(route, "tags", None) or ["Health"])[0])
                name = getattr(route, "operation_id", None) or _name(tag, endpoint.__name__)
                suffix = ".head" if method == "HEAD" else ""
                names[route.path_format, method.lower()] = name + suffix
    return names


def _shapes(app: FastAPI) -> Shapes:
    """What a success of each operation shows."""
    return {
        (str(route.path_format), method.lower()): getattr(route, "response_model", None)
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    }


def _name(tag: str, endpoint: str) -> str:
    room = tag.lower()
    singular = re.sub(r"ies$", "y", room).removesuffix("s")
    verb = re.sub(rf"_({re.escape(room)}|{re.escape(singular)}s?)$", "", endpoint)
    return f"{room}.{verb}"


def _finish(
    document: dict[str, Any], names: dict[tuple[str, str], str], shapes: Shapes
) -> dict[str, Any]:
    seen: dict[str, str] = {}
    for path, item in document["paths"].items():
        ordered = {method: item[method] for method in METHODS if method in item}
        document["paths"][path] = ordered
        for method, operation in ordered.items():
            _finish_operation(path, method, operation, names)
            where = f"{method.upper()} {path}"
            if seen.setdefault(operation["operationId"], where) != where:
                name = operation["operationId"]
                raise ValueError(f"{where} and {seen[name]} are both called {name}: rename one.")
    _finish_components(document)
    add_headers(document, shapes)
    _share_problems(document)
    used = {
        tag for item in document["paths"].values() for op in item.values() for tag in op["tags"]
    }
    document["tags"] = [
        {"name": name, "description": TAGS.get(name, f"{name}.")}
        for name in [*TAGS, *sorted(used - TAGS.keys())]
        if name in used
    ]
    return document


def _finish_operation(
    path: str, method: str, operation: dict[str, Any], names: dict[tuple[str, str], str]
) -> None:
    operation["operationId"] = names[path, method]
    operation.setdefault("tags", ["Health"])
    secured = bool(operation.pop("security", None))
    operation["security"] = [{SCHEME: []}] if secured else []
    if secured and method == "post":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    for parameter in operation.get("parameters", []):
        _without_null(parameter.get("schema", {}))
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]  # FastAPI's own shape, which this service never sends
    for status, entry in _usual_problems(operation, secured=secured).items():
        answers.setdefault(str(status), entry)
    operation["responses"] = {status: answers[status] for status in sorted(answers)}
    _tell_second_success(operation["responses"])


def _tell_second_success(answers: dict[str, Any]) -> None:
    """A PUT that makes something answers 201 with what it answers 200 with."""
    if "content" in answers.get("200", {}) and "201" in answers:
        answers["201"].setdefault("content", answers["200"]["content"])


def _without_null(schema: dict[str, Any]) -> None:
    """A parameter that may be left out is never null: nobody can send that in an address."""
    shapes = [shape for shape in schema.get("anyOf", []) if shape != {"type": "null"}]
    if len(shapes) == 1 and len(schema["anyOf"]) > 1:
        del schema["anyOf"]
        schema.update({**shapes[0], **schema})


def _usual_problems(operation: dict[str, Any], *, secured: bool) -> dict[int | str, dict[str, Any]]:
    if not secured:
        return responses(AddressTooLong)
    json_body = "application/json" in operation.get("requestBody", {}).get("content", {})
    return responses(*common(), *(common_with_body() if json_body else ()))


def _finish_components(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for shape in ("HTTPValidationError", "ValidationError"):
        schemas.pop(shape, None)
    for model in (ProblemDocument, InvalidValue):
        schemas[model.__name__] = _schema(model)
    components["schemas"] = dict(sorted(schemas.items()))
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_HEADER}
    components["securitySchemes"] = {SCHEME: _SECURITY}


def _share_problems(document: dict[str, Any]) -> None:
    """Say each set of problems once: without this, the document is ten times as large."""
    shared: dict[str, Any] = {}
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                examples = answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples")
                if examples and shared.setdefault(name := ".".join(examples), answer) == answer:
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    document["components"]["responses"] = dict(sorted(shared.items()))


def _schema(model: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    found.pop("$defs", None)
    return found


def main() -> None:
    """Write `docs/openapi.json`, and the page of rights beside it; with `--check`, only say whether
    they are up to date."""
    # By name, because this room lies below `app.main` and must not import it.
    app: FastAPI = importlib.import_module("app.main").create_app()
    made = {COMMITTED: as_text(build_openapi(app)), permissions.COMMITTED: build_page(app)}
    for path, text in made.items():
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is out of date: run `python -m app.meta.openapi`.")


if __name__ == "__main__":
    main()
