"""The OpenAPI document and the live server agree, whatever is sent, within a budget."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.servers import Start, start

__all__ = ["start"]

TOKEN = "an-admin-token-for-tests-0123456789"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,missing_required_header"
)
EXAMPLES = 8


def test_no_request_makes_an_answer_that_is_not_in_the_document(
    start: Start, tmp_path: Path
) -> None:
    url = start(admin_token=TOKEN).url
    with httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as api:
        # The names that the document's examples use, so that requests reach further than a 404.
        for path, body in (
            ("/models", {"name": "churn"}),
            ("/models/churn/versions", {"metrics": {"auc": 0.9}}),
            ("/models/churn/versions", {"finalize": True}),
            ("/models/churn/versions", {"finalize": True}),
            (
                "/models/churn/versions/3/promotions",
                {"to": "staging", "reason": "x", "apply": True},
            ),
            ("/identities", {"name": "alice", "kind": "user"}),
            ("/groups", {"name": "risk-team"}),
        ):
            assert api.post(path, json=body).status_code == 201, path
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("st")), "run", f"{url}/openapi.json"),
            *("-H", f"Authorization: Bearer {TOKEN}", "--checks", CHECKS, "--mode", "all"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
            *(
                "--seed",
                "1",
                "--generation-database",
                "none",
                "--no-color",
                "--continue-on-failure",
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    assert "Tested:" in done.stdout
