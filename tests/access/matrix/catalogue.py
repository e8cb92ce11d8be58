"""How to call each route so that it succeeds. Whoever adds a route adds a line here.

A path's `{model}`, `{n}` … are filled from the scene (`scene.py`: what there is, by name); `at`
says where another name of the scene is meant. A route may stand here several times, where what is
asked decides what it takes.
"""

import hashlib
from typing import Any

from app.access.table import Permission, Rule
from app.core.actor import Role, Scope
from tests.access.matrix.case import Case
from tests.access.matrix.scene import LINK, MEASURED, Scene, V, ok
from tests.actors import API, Api
from tests.policies.acting import default_with

P = Permission
M = f"{API}/models/{{model}}"
N, AT = f"{M}/versions/{{n}}", f"{M}/versions/{{ref}}"
PROMOTION, COMMENT = f"{API}/promotions/{{promotion}}", f"{API}/comments/{{comment}}"
BYTES = b"other weights " * 100
NEW_FILE = {"path": "new.bin", "size": len(BYTES), "sha256": hashlib.sha256(BYTES).hexdigest()}
GRANT = {"subject": "spare", "role": "reader", "models": "x-*"}
SAID = {"json": {"body": "Because."}}
GLOBAL = Role.ADMIN, Scope.ADMIN


async def begun(_: Scene, api: Api) -> dict[str, Any]:
    """An upload to the draft, of which nothing was sent."""
    (upload,) = (await ok(await api.post(f"{V}/6/uploads", {"files": [NEW_FILE]})))["uploads"]
    (part,) = upload["parts"]
    return {"upload_id": upload["id"], "link": part["url"], "link_headers": part["headers"]}


async def sent(scene: Scene, api: Api) -> dict[str, Any]:
    """An upload to the draft that is whole."""
    found = await begun(scene, api)
    put = await api.http.put(found["link"], content=BYTES, headers=found["link_headers"])
    assert put.is_success, put.text
    return found


async def linked(_: Scene, api: Api) -> dict[str, Any]:
    """A signed link to the bytes of a file."""
    file, *_ = (await ok(await api.get(f"{V}/1/manifest")))["files"]
    return {"link": file["url"], "link_headers": {}}


async def commented(_: Scene, api: Api) -> dict[str, Any]:
    return {"own_comment": (await ok(await api.post(f"{V}/1/comments", {"body": "Hm."})))["id"]}


async def asked(_: Scene, api: Api) -> dict[str, Any]:
    wanted = {"to": "production", "reason": "Once more."}
    await ok(await api.post(f"{V}/4/promotions", {"to": "staging", "reason": "x", "apply": True}))
    return {"own_promotion": (await ok(await api.post(f"{V}/4/promotions", wanted)))["id"]}


async def issued(_: Scene, api: Api) -> dict[str, Any]:
    token = await ok(await api.post("/tokens", {"name": "mine", "scopes": ["read"]}))
    return {"own_token": token["id"]}


MODELS = (
    Case(
        f"POST {API}/models", send={"json": {"name": "churn-new"}}, of_a_model=True,
        gives_a_name=True,
    ),
    Case(f"GET {API}/models"),
    Case(f"GET {M}"),
    Case(f"PATCH {M}", send={"json": {"description": "Who stays."}}),
    Case(f"DELETE {M}", at={"model": "spare_model"}),
    Case(
        f"DELETE {M}", "for good", at={"model": "gone"}, send={"params": {"purge": True}},
        also=P.MODELS_PURGE,
    ),
    Case(f"POST {M}/restore", at={"model": "gone"}),
    Case(f"POST {M}/naming/preview", send={"json": {}}, quiet="it tries and sets nothing"),
    Case(f"GET {M}/naming/report"),
    Case(
        f"POST {API}/naming/preview", send={"json": {"model": "any"}},
        quiet="it tries and sets nothing",
    ),
)  # fmt: skip

VERSIONS = (
    Case(f"POST {M}/versions", send={"json": {}}),
    Case(f"GET {M}/versions"),
    Case(f"GET {API}/versions"),
    Case(
        f"POST {API}/resolve",
        send={"json": {"refs": [{"model": "churn", "ref": "1"}]}},
        quiet="it only asks",
    ),
    Case(f"GET {AT}"),
    Case(f"PATCH {N}", send={"json": {"description": "Depth 6."}}),
    Case(f"DELETE {N}"),
    Case(f"POST {N}/recall", send={"json": {"reason": "Leaks."}}),
    Case(f"DELETE {N}/recall", at={"n": "recalled"}),
)

FILES = (
    Case(f"PUT {N}/files/{{path}}", at={"n": "draft"}, send={"content": BYTES}),
    Case(f"DELETE {N}/files/{{path}}", at={"n": "draft"}),
    Case(f"POST {N}/uploads", at={"n": "draft"}, send={"json": {"files": [NEW_FILE]}}),
    Case(f"POST {N}/uploads/{{upload_id}}/complete", at={"n": "draft"}, before=sent),
    Case(f"DELETE {N}/uploads/{{upload_id}}", at={"n": "draft"}, before=begun),
    Case(f"POST {N}/finalize", at={"n": "draft"}),
    Case(f"GET {AT}/files"),
    Case(f"GET {AT}/files/{{path}}", answers=frozenset({200, 307})),
    Case(f"HEAD {AT}/files/{{path}}", answers=frozenset({200, 307})),
    Case(f"GET {AT}/manifest"),
    Case(
        f"PUT {API}/transfer/uploads/{{upload_id}}/parts/{{number}}", before=begun,
        send={"content": BYTES}, quiet="a file is told of when it is whole", local_store=True,
    ),
    Case(f"GET {API}/transfer/blobs/{{sha256}}", before=linked, local_store=True),
    Case(f"HEAD {API}/transfer/blobs/{{sha256}}", before=linked, local_store=True),
)  # fmt: skip

STAGES = (
    Case(f"GET {M}/stages"),
    Case(f"GET {M}/stages/{{stage}}"),
    Case(f"GET {M}/transitions"),
    Case(f"POST {M}/rollback", send={"json": {"stage": "production", "reason": "Worse."}}),
    Case(f"GET {M}/aliases"),
    Case(f"GET {M}/aliases/{{alias}}"),
    Case(f"PUT {M}/aliases/{{alias}}", send={"json": {"version": 2}}),
    Case(
        f"PUT {M}/aliases/{{alias}}", "that is protected", at={"alias": "protected"},
        send={"json": {"version": 2}}, also=P.ALIASES_SET_PROTECTED,
    ),
    Case(f"DELETE {M}/aliases/{{alias}}"),
    Case(f"GET {M}/aliases/{{alias}}/history"),
)  # fmt: skip

EVIDENCE = (
    Case(f"POST {AT}/evaluations", send={"json": MEASURED}),
    Case(f"GET {AT}/evaluations"),
    Case(f"GET {AT}/evaluations/by-dataset"),
    Case(f"GET {M}/metrics/{{metric}}"),
    Case(f"GET {AT}/evaluations/{{evaluation}}"),
    Case(f"GET {AT}/lineage"),
    Case(f"GET {API}/datasets"),
    Case(f"GET {API}/datasets/{{dataset}}/versions"),
    Case(f"GET {API}/impact", send={"params": {"dataset": "events"}}),
    Case(f"POST {N}/series", send={"json": {"points": [{"key": "b", "step": 1, "value": 2}]}}),
    Case(f"GET {AT}/series"),
    Case(f"PUT {N}/checks/{{check}}", send={"json": {"status": "success"}}),
    Case(f"GET {AT}/checks"),
    Case(f"GET {AT}/checks/{{check}}"),
    Case(f"POST {AT}/comments", send=SAID),
    Case(f"GET {AT}/comments"),
    Case(f"POST {PROMOTION}/comments", send=SAID),
    Case(f"GET {PROMOTION}/comments"),
    Case(f"GET {COMMENT}"),
    Case(f"PATCH {COMMENT}", at={"comment": "own_comment"}, before=commented, own=True, send=SAID),
    Case(f"DELETE {COMMENT}", at={"comment": "own_comment"}, before=commented, own=True),
    Case(f"DELETE {COMMENT}", "of somebody else", also=P.COMMENTS_DELETE_ANY),
    Case(f"GET {COMMENT}/history"),
)

KNOWING = (
    Case(f"GET {AT}/tensors", send={"params": {"path": "t.safetensors"}}),
    Case(f"GET {M}/compare", send={"params": {"versions": "1,2"}}),
    Case(f"GET {AT}/card"),
    Case(f"GET {AT}/reproduce"),
    Case(f"GET {M}/changelog"),
)

PROMOTIONS = (
    Case(
        f"POST {N}/promotions",
        send={"json": {"to": "staging", "reason": "Better.", "apply": True}},
    ),
    Case(
        f"POST {N}/promotions", "that empties production", at={"n": "holder"},
        send={"json": {"to": "archived", "reason": "Old.", "apply": True}}, also=P.STAGES_EMPTY,
    ),
    Case(f"GET {API}/promotions"),
    Case(f"GET {PROMOTION}"),
    Case(f"POST {PROMOTION}/reviews", send={"json": {"decision": "approve"}}),
    Case(f"POST {PROMOTION}/apply", at={"promotion": "approved"}),
    Case(
        f"POST {PROMOTION}/cancel", at={"promotion": "own_promotion"}, before=asked, own=True,
    ),
    Case(
        f"POST {PROMOTION}/cancel", "of somebody else's",
        takes=Rule(Role.MAINTAINER, Scope.WRITE, "who asked may withdraw it, or who may do most"),
    ),
    Case(f"POST {PROMOTION}/override", send={"json": {"reason": "Nobody can be reached."}}),
    Case(f"GET {API}/policy"),
    Case(f"PUT {API}/policy", send={"json": default_with(protected_aliases=["a"])}),
    Case(
        f"POST {API}/policy/preview", of_a_model=True, quiet="it tries and sets nothing",
        send={"json": {"model": "churn", "version": 4, "to": "staging"}},
    ),
    Case(f"GET {M}/policy"),
    Case(f"PUT {M}/policy", send={"json": {"protected_aliases": ["a"]}}),
    Case(
        f"PUT {M}/policy", "instead of the default", also=P.POLICY_LOOSEN,
        send={"json": default_with(replaces_default=True)},
    ),
    Case(f"DELETE {M}/policy"),
    Case(f"GET {API}/policies/{{revision}}"),
    Case(
        f"GET {API}/policies/{{revision}}", "of a model", at={"revision": "own_revision"},
        of_a_model=True,
    ),
)  # fmt: skip

PEOPLE = (
    Case(f"GET {API}/me"),
    Case(f"POST {API}/identities", send={"json": {"name": "new", "kind": "user"}}),
    Case(f"GET {API}/identities"),
    Case(f"GET {API}/identities/{{name}}"),
    Case(f"PATCH {API}/identities/{{name}}", send={"json": {"email": "spare@example.com"}}),
    Case(f"POST {API}/groups", send={"json": {"name": "new-team"}}),
    Case(f"GET {API}/groups"),
    Case(f"GET {API}/groups/{{group}}"),
    Case(f"PATCH {API}/groups/{{group}}", send={"json": {"claim": "ml-risk"}}),
    Case(f"DELETE {API}/groups/{{group}}"),
    Case(f"PUT {API}/groups/{{group}}/members/{{name}}"),
    Case(f"DELETE {API}/groups/{{group}}/members/{{name}}", at={"name": "member"}),
    Case(f"GET {API}/identities/{{name}}/links"),
    Case(f"PUT {API}/identities/{{name}}/links", send={"json": {**LINK, "subject": "new"}}),
    Case(f"DELETE {API}/identities/{{name}}/links", send={"params": LINK}),
    Case(f"GET {API}/grants"),
    Case(f"PUT {API}/grants", send={"json": {**GRANT, "models": "y-*"}}),
    Case(f"DELETE {API}/grants", send={"params": GRANT}),
)

TOKENS = (
    Case(f"POST {API}/tokens", send={"json": {"name": "t", "scopes": ["read"]}}),
    Case(
        f"POST {API}/tokens", "for somebody else",
        send={"json": {"name": "t", "identity": "spare", "scopes": ["read"]}},
        takes=Rule(*GLOBAL, "only the admin speaks for others"),
    ),
    Case(
        f"POST {API}/tokens/{{token_id}}/rotate", at={"token_id": "own_token"}, before=issued,
        own=True, send={"json": {}},
    ),
    Case(
        f"POST {API}/tokens/{{token_id}}/rotate", "of somebody else", send={"json": {}},
        of_others="a token is its holder's",
    ),
    Case(f"GET {API}/tokens"),
    Case(f"GET {API}/tokens/{{token_id}}", at={"token_id": "own_token"}, before=issued, own=True),
    Case(f"GET {API}/tokens/{{token_id}}", "of somebody else", of_others="a token is its holder's"),
    Case(
        f"DELETE {API}/tokens/{{token_id}}", at={"token_id": "own_token"}, before=issued, own=True,
    ),
    Case(
        f"DELETE {API}/tokens/{{token_id}}", "of somebody else",
        of_others="a token is its holder's",
    ),
)  # fmt: skip

TRUSTED = {
    "name": "new-ci", "preset": "github", "identity": "machine", "scopes": ["write"],
    "claims": {"repository": "acme/churn"},
}  # fmt: skip
NOBODYS = {"json": {"token": "a.b.c"}}
TRUST = (
    Case(f"POST {API}/trust", send={"json": TRUSTED}),
    Case(f"GET {API}/trust"),
    Case(f"GET {API}/trust/{{trust}}"),
    Case(f"PATCH {API}/trust/{{trust}}", send={"json": {"minutes": 5}}),
    Case(f"DELETE {API}/trust/{{trust}}"),
    Case(
        f"POST {API}/trust/{{trust}}/test", send=NOBODYS,
        quiet="it tries and issues nothing",
    ),
    # Open to anybody, whatever else they come with: the token in the body decides.
    Case(
        f"POST {API}/auth/exchange", send=NOBODYS, answers=frozenset({401}),
        quiet="nothing is issued for a token that is none",
    ),
)  # fmt: skip

RECORD = (
    Case(f"GET {API}/events"),
    Case(f"GET {API}/events/verify"),
    Case(f"GET {API}/events/export"),
    Case(f"GET {API}/events/checkpoints"),
    Case(f"POST {API}/redactions", send={"json": {"text": "nobody-wrote-it", "reason": "x"}}),
    Case(f"GET {API}/redactions"),
    Case(f"GET {API}/redactions/{{redaction_id}}"),
    Case(f"GET {API}/storage"),
    Case("GET /metrics"),
)

# The matrix's server has no OIDC provider; tests/signin has one.
WITHOUT_PROVIDER = frozenset({404})
SIGN_IN = (
    Case(f"GET {API}/auth/authorize", answers=WITHOUT_PROVIDER),
    Case(f"GET {API}/auth/callback", answers=WITHOUT_PROVIDER),
    Case(f"POST {API}/auth/token", answers=WITHOUT_PROVIDER, quiet="nobody can sign in"),
)

OPEN = (
    Case("GET /", answers=frozenset({200, 307})),
    Case("GET /livez"),
    Case("HEAD /livez"),
    Case("GET /readyz"),
    Case("HEAD /readyz"),
    Case("GET /version"),
    Case("GET /docs"),
    Case("GET /docs/start"),
    Case("GET /docs/signed-in"),
    Case("GET /docs/static/{name}", at={"name": "asset"}),
    Case("GET /openapi.json"),
    Case("GET /problems"),
    Case("GET /problems/{slug}"),
)

CATALOGUE: tuple[Case, ...] = (
    *MODELS,
    *VERSIONS,
    *FILES,
    *STAGES,
    *EVIDENCE,
    *KNOWING,
    *PROMOTIONS,
    *PEOPLE,
    *TOKENS,
    *TRUST,
    *RECORD,
    *SIGN_IN,
    *OPEN,
)
