"""The pipelines promote what is approved, and nothing else."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.oidc.issuer import Issuer, issuing

CI = Path(__file__).resolve().parents[2] / "examples" / "ci"
VERSIONS = "/models/breast-cancer/versions"


@pytest.fixture(scope="module")
def people(demo: ModuleType, server: tuple[str, str]) -> Iterator[Any]:
    with demo.Person("admin", *server) as admin, contextlib.ExitStack() as others:
        yield [others.enter_context(person) for person in demo.people(admin, server[0])]


@pytest.fixture(scope="module")
def ci_token(demo: ModuleType, server: tuple[str, str], people: Any) -> str:
    asked = {"name": "pipeline", "identity": "ci", "scopes": ["write"]}
    with demo.Person("admin", *server) as admin:
        return str(admin("POST", "/tokens", asked, expect=201).json()["secret"])


@pytest.fixture
def issuer(
    demo: ModuleType, server: tuple[str, str], people: Any, tmp_path: Path
) -> Iterator[Issuer]:
    """An issuer whose tokens for this server, of one repository, are those of `ci`."""
    with issuing(tmp_path / "issuer") as running, demo.Person("admin", *server) as admin:
        trusted = {"name": "pipeline", "issuer": running.url, "audience": server[0]}
        trusted |= {"identity": "ci", "claims": {"repository": "acme/churn"}, "scopes": ["write"]}
        admin("POST", "/trust", trusted, expect=201)
        yield running
        admin("DELETE", "/trust/pipeline", expect=204)


def run(server: tuple[str, str], token: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_with(server, STAGEWARD_TOKEN=token, **more)


def run_with(server: tuple[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    given = {"STAGEWARD_URL": server[0], "MODEL": "breast-cancer", **more}
    return subprocess.run(
        [str(CI / "promote.sh")],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_an_approved_version_is_proven_tried_applied_and_deployed(
    demo: ModuleType, server: tuple[str, str], people: Any, ci_token: str, tmp_path: Path
) -> None:
    alice, bob, _ = people
    number = demo.train_and_register(alice)["number"]
    ask = {"to": "staging", "reason": "Try it.", "apply": True}
    alice("POST", f"{VERSIONS}/{number}/promotions", ask, expect=201)
    ask = {"to": "production", "reason": "It is good."}
    promotion = alice("POST", f"{VERSIONS}/{number}/promotions", ask, expect=201).json()
    before = run(server, ci_token)
    assert before.returncode == 0
    assert "Nothing is approved" in before.stdout

    bob("POST", f"/promotions/{promotion['id']}/reviews", {"decision": "approve"}, expect=201)
    failed = run(server, ci_token, TRY_COMMAND="exit 3")
    assert failed.returncode == 3
    assert bob("GET", f"/promotions/{promotion['id']}").json()["status"] == "approved"

    deploy = f"cp model.joblib '{tmp_path}/deployed'"
    done = run(server, ci_token, TRY_COMMAND="test -s model.joblib", DEPLOY_COMMAND=deploy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "model.joblib: OK" in done.stdout
    assert (tmp_path / "deployed").stat().st_size > 0
    assert bob("GET", f"/promotions/{promotion['id']}").json()["status"] == "applied"


def test_a_refused_token_fails_the_job_with_the_reason(server: tuple[str, str]) -> None:
    done = run(server, "swd_wrong")
    assert done.returncode != 0
    assert "401" in done.stderr


def test_a_job_needs_no_stored_token_on_gitlab(server: tuple[str, str], issuer: Issuer) -> None:
    token = issuer.token(aud=server[0], repository="acme/churn")
    done = run_with(server, STAGEWARD_ID_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert "Nothing is approved" in done.stdout
    assert "swd_" not in done.stdout + done.stderr


def test_a_job_asks_github_for_its_token(server: tuple[str, str], issuer: Issuer) -> None:
    audience = server[0].replace(":", "%3A").replace("/", "%2F")
    path = f"/idtoken?version=2&audience={audience}"
    issuer.more[path] = {"value": issuer.token(aud=server[0], repository="acme/churn")}
    issuer.tell()
    asked = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/idtoken?version=2"}
    asked |= {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "GITHUB_ACTIONS": "true"}
    done = run_with(server, **asked)
    assert done.returncode == 0, done.stderr
    assert "Nothing is approved" in done.stdout
    assert "::add-mask::swd_" in done.stderr


def test_a_job_of_another_repository_fails_with_the_reason(
    server: tuple[str, str], issuer: Issuer
) -> None:
    token = issuer.token(aud=server[0], repository="acme/other")
    done = run_with(server, STAGEWARD_ID_TOKEN=token)
    assert done.returncode != 0
    assert "403" in done.stderr
    assert "No trust fits this token" in done.stderr
    assert "401" not in done.stderr  # nothing was tried without a token


def jobs() -> list[tuple[str, dict[str, Any]]]:
    github = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["promote"]
    gitlab = yaml.safe_load((CI / "gitlab-ci.yml").read_text())["promote"]
    step = github["steps"][-1]
    return [(step["run"], step["env"]), (gitlab["script"][0], gitlab["variables"])]


@pytest.mark.parametrize(("command", "variables"), jobs())
def test_a_pipeline_runs_the_script_with_variables_that_it_knows(
    command: str, variables: dict[str, Any]
) -> None:
    script = CI.parents[1] / command
    assert os.access(script, os.X_OK)
    assert all(name in script.read_text() for name in variables)
