"""The OpenAPI document and the live server agree, whatever is sent and whoever sends it, within a
budget; and nobody is let in where the table of rights keeps them out.

`STAGEWARD_TEST_EXAMPLES=200` tries so many requests of each operation instead of the few of every
day."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.access.table import PUBLIC, RULES, Permission
from app.core.actor import Role
from app.main import create_app
from app.meta.permissions import asked_by
from tests.actors import EVERYTHING
from tests.servers import Start, start

__all__ = ["start"]

TOKEN = "an-admin-token-for-tests-0123456789"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,missing_required_header"
)
LONGER = int(os.environ.get("STAGEWARD_TEST_EXAMPLES", "0"))
EXAMPLES, EXAMPLES_OF_OTHERS = LONGER or 8, LONGER or 2
SEEN = "churn"  # and what begins so: all that those who are no admin have a role on
SUCCESS = range(200, 300)


def prepare(api: httpx.Client) -> None:
    """The names that the document's examples use, so that requests reach further than a 404."""
    for path, body in (
        ("/models", {"name": "churn"}),
        ("/models", {"name": "hidden"}),
        ("/models/churn/versions", {"metrics": {"auc": 0.9}}),
        ("/models/churn/versions", {"finalize": True}),
        ("/models/churn/versions", {"finalize": True}),
        ("/models/churn/versions/3/promotions", {"to": "staging", "reason": "x", "apply": True}),
        ("/identities", {"name": "alice", "kind": "user"}),
        ("/groups", {"name": "risk-team"}),
    ):
        assert api.post(path, json=body).status_code == 201, path


def token_of(api: httpx.Client, role: Role) -> str:
    """A token of somebody who has a role on some models, and may use all of it."""
    if role is Role.ADMIN:
        return TOKEN
    assert api.post("/identities", json={"name": role, "kind": "user"}).status_code == 201
    grant = {"subject": role, "role": role, "models": f"{SEEN}*"}
    assert api.put("/grants", json=grant).status_code == 201
    body = {"name": "t", "identity": role, "scopes": EVERYTHING}
    return str(api.post("/tokens", json=body).json()["secret"])


def tried(url: str, folder: Path, token: str | None, examples: int, phases: str) -> str:
    """Have schemathesis try every operation; answers what it says. What it sent is in a file."""
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("st")), "run", f"{url}/openapi.json"),
            *(("-H", f"Authorization: Bearer {token}") if token else ()),
            *("--checks", CHECKS, "--mode", "all", "--phases", phases),
            *("--max-examples", str(examples), "--seed", "1", "--generation-database", "none"),
            *("--no-color", "--continue-on-failure", "--report-har-path", "sent.har"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    told = "\n".join(line[:500] for line in done.stdout.splitlines())
    assert done.returncode == 0, told[-20_000:]
    return done.stdout


def pattern_of(path: str) -> re.Pattern[str]:
    """What an address of this route looks like; the server tells those apart that fit several."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(path)))


ROUTES = [
    (
        method,
        pattern_of(str(route.path_format)),
        None if (method, route.path_format) in PUBLIC else next(asked_by(route.dependant)),
    )
    for route in iter_route_contexts(create_app().routes)
    for method in route.methods or ()
]


def may(method: str, path: str, role: Role | None) -> bool:
    """Whether the table lets somebody with this role succeed with this request; by any of the
    routes that the path could be meant for, as it is the server's business to tell them apart."""
    found = [
        (pattern.fullmatch(path), permission)
        for its_method, pattern, permission in ROUTES
        if its_method == method
    ]
    return any(_may(match.groupdict(), p, role) for match, p in found if match)


def _may(parts: dict[str, str], permission: Permission | None, role: Role | None) -> bool:
    if permission is None or role is Role.ADMIN:
        return True
    if role is None:
        return False
    needed = RULES[permission].role
    if "model" in parts and not unquote(parts["model"]).startswith(SEEN):
        return False
    return needed is None or (needed is not Role.ADMIN and role.includes(needed))


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: str(role or "nobody"))
def test_no_request_makes_an_answer_that_is_not_in_the_document(
    role: Role | None, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What it sends without a token is counted against its address, as it should.
    url = start(admin_token=TOKEN, failed_logins_per_minute="0").url
    with httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as api:
        prepare(api)
        token = token_of(api, role) if role else None
    of_all = role is Role.ADMIN or LONGER
    phases = "examples,coverage,fuzzing" if of_all else "examples,fuzzing"
    said = tried(url, tmp_path, token, EXAMPLES if of_all else EXAMPLES_OF_OTHERS, phases)
    assert "Tested:" in said
    sent = json.loads((tmp_path / "sent.har").read_text())["log"]["entries"]
    succeeded = {
        (entry["request"]["method"], urlsplit(entry["request"]["url"]).path)
        for entry in sent
        if entry["response"]["status"] in SUCCESS
    }
    assert [each for each in sorted(succeeded) if not may(*each, role)] == []
    assert len(sent) > 100
    with capsys.disabled():
        print(f"\n{role or 'nobody'}: {len(sent)} requests, {len(succeeded)} addresses let in.")
