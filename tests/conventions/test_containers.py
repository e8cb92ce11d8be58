"""The image and the deployment, as far as they can be read; `deploy/` has the checks that run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from app import __version__
from app.core.settings import Settings
from deploy import dockerfile
from deploy.dockerfile import Step
from tests.servers import Start, start

__all__ = ["start"]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAGES = dockerfile.read(ROOT / "Dockerfile")
IMAGE = STAGES[-1]
CONTEXT = set(dockerfile.context(ROOT))
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("stageward:")]
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
PINNED = re.compile(r"[a-z0-9/]+:\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?")
TOOLS = re.compile(r"\b(apt|apt-get|apk|dnf|gcc|g\+\+|cc|make|build-essential|curl|wget|git)\b")


def environment_of(name: str) -> dict[str, str]:
    return dict(SERVICES[name].get("environment", {}))


def is_one_shot(service: dict[str, Any]) -> bool:
    return service.get("restart") == "no"


def variables() -> Iterator[tuple[str, str, str]]:
    """Name, `?` or `-` or nothing, and what follows it."""
    return ((found[1], found[2] or "", found[3] or "") for found in VARIABLE.finditer(TEXT))


# -- docker-compose.yml


def test_the_deployment_has_all_that_the_service_needs() -> None:
    assert set(SERVICES) == {
        *("load-balancer", "app", "worker", "migrate"),
        *("postgres", "s3", "s3-durable"),
    }
    assert SERVICES["app"]["deploy"]["replicas"] == 2
    assert [SERVICES[name]["command"] for name in OURS] == [["serve"], ["worker"], ["migrate"]]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_or_runs_once(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {})
    if is_one_shot(SERVICES[name]):
        assert check == {"disable": True}
    else:
        assert SERVICES[name]["restart"] == "unless-stopped"
        # The app has the image's own.
        assert (name == "app") == (check == {})
        assert name == "app" or check["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_come_to_pass(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        once = how["condition"] == "service_completed_successfully"
        assert once == is_one_shot(SERVICES[other])
        assert once or how["condition"] == "service_healthy"


def test_nothing_serves_before_the_schema_and_the_store_are_there() -> None:
    for name in ("app", "worker"):
        assert set(SERVICES[name]["depends_on"]) == {"migrate", "s3-durable"}
    assert set(SERVICES["s3-durable"]["depends_on"]) == {"s3"}


def test_the_store_answers_only_once_the_disk_has_the_bytes() -> None:
    bucket = environment_of("app")["STAGEWARD_S3_BUCKET"]
    (command,) = SERVICES["s3-durable"]["command"]
    assert f"-locationPrefix=/buckets/{bucket}/ -fsync -apply" in command
    assert SERVICES["s3-durable"]["image"] == SERVICES["s3"]["image"]


@pytest.mark.parametrize("image", [service["image"] for service in SERVICES.values()])
def test_every_image_of_the_deployment_is_pinned(image: str) -> None:
    assert PINNED.fullmatch(image), image


def test_the_image_bears_the_version_of_the_service() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {f"stageward:{__version__}"}
    assert IMAGE.last("LABEL").pairs["org.opencontainers.image.version"] == __version__


@pytest.mark.parametrize("name", OURS)
def test_every_setting_that_is_named_exists_and_reaches_it(name: str) -> None:
    known = {f"STAGEWARD_{field.upper()}" for field in Settings.model_fields}
    named = {key for key in environment_of(name) if key.startswith("STAGEWARD_")}
    assert named <= known
    # Whoever shares a database shares these.
    assert {"STAGEWARD_DATABASE_URL", "STAGEWARD_SECRET_KEY", "STAGEWARD_S3_BUCKET"} <= named


def test_there_are_no_default_secrets() -> None:
    secret = {name for name, _, _ in variables() if re.search("PASSWORD|SECRET|TOKEN", name)}
    required = {name for name, how, _ in variables() if how == "?"}
    assert all(said == "" for name, how, said in variables() if name in secret and how == "-")
    # The first is made at the first start; without the other there is no provider, or it asks none.
    assert secret - required == {"STAGEWARD_ADMIN_TOKEN", "STAGEWARD_OIDC_CLIENT_SECRET"}
    for name in SERVICES:
        for key, value in environment_of(name).items():
            if re.search("PASSWORD|SECRET|TOKEN|DATABASE_URL|LISTEN_URL", key):
                assert "${" in value, f"{name}: {key}"


def test_the_example_of_env_names_every_variable_and_fills_in_no_secret() -> None:
    text = (ROOT / "deploy" / "example.env").read_text()
    named = dict(re.findall(r"^(?:# )?([A-Z_0-9]+)=(.*)$", text, re.MULTILINE))
    assert set(named) | {"STAGEWARD_LOG_LEVEL"} == {name for name, _, _ in variables()}
    assert all(not value for name, value in named.items() if f"\n{name}=" in text)


def test_only_the_balancer_and_the_store_are_published_and_to_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "load-balancer": ["${BIND_ADDRESS:-127.0.0.1}:8000:8000"],
        "s3": ["${BIND_ADDRESS:-127.0.0.1}:8333:8333"],
    }


def test_the_role_that_owns_the_tables_is_known_to_migrate_alone() -> None:
    knows = {name for name in SERVICES if "OWNER_PASSWORD" in str(environment_of(name))}
    assert knows == {"migrate", "postgres"}
    roles = (ROOT / "deploy" / "postgres" / "10-roles.sh").read_text()
    addresses = re.findall(r"postgresql://(\w+):\$\{(\w+)", TEXT)
    for role, password in set(addresses):
        assert f"create role {role} login" in roles
        assert f"STAGEWARD_{password.removeprefix('STAGEWARD_')}" in roles


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_nothing_that_they_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "volumes" not in service  # all that lasts is in PostgreSQL and in the store


def test_what_is_mounted_from_here_is_here() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source[0] == "." else source in COMPOSE["volumes"]


# -- deploy/haproxy.cfg


def test_the_balancer_has_room_for_every_app_and_patience_for_a_long_poll() -> None:
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    slots = [int(number) for number in re.findall(r"server-template app (\d+) app:8000", text)]
    assert len(slots) == 2
    assert min(slots) >= SERVICES["app"]["deploy"]["replicas"]
    assert int(re.findall(r"timeout server (\d+)s", text)[0]) > 30 + 10
    assert "http-buffer-request" not in text
    assert "retry-on conn-failure empty-response\n" in text
    assert "disable-l7-retry if !{ method GET HEAD }" in text


# -- Dockerfile


def test_the_result_is_a_stage_of_its_own_on_a_pinned_slim_image() -> None:
    assert len(STAGES) == 2
    for stage in STAGES:
        assert PINNED.fullmatch(stage.image), stage.image
        assert "-slim" in stage.image
    assert [step.flags for step in IMAGE.all("COPY")] == [{"from": STAGES[0].name}]


def test_the_image_runs_as_a_user_with_a_number_who_owns_its_data() -> None:
    names = [step.name for step in IMAGE.steps]
    assert names.count("USER") == 1
    assert "RUN" not in names[names.index("USER") :]
    user, group = IMAGE.last("USER").rest.split(":")
    assert int(user) >= 10_000
    made = IMAGE.last("RUN").rest
    assert f"useradd --uid {user} --gid {group}" in made
    assert f"install -d -o {user} -g {group} -m 0700 /data" in made
    assert IMAGE.last("VOLUME").words == ["/data"]
    assert IMAGE.last("ENV").pairs["STAGEWARD_DATA_DIR"] == "/data"
    assert f"uid={user},gid={group}" in SERVICES["app"]["tmpfs"][1]


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_the_server_itself_gets_the_signals(name: str) -> None:
    assert IMAGE.last(name).is_exec


def test_the_image_is_started_as_the_readme_says() -> None:
    started = [*IMAGE.last("ENTRYPOINT").words, *IMAGE.last("CMD").words]
    assert started == ["python", "-m", "app", "serve"]
    named = {name for name in IMAGE.last("ENV").pairs if name.startswith("STAGEWARD_")}
    assert named <= {f"STAGEWARD_{field.upper()}" for field in Settings.model_fields}
    assert IMAGE.last("ENV").pairs["STAGEWARD_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("step", [step for stage in STAGES for step in stage.all("RUN")])
def test_no_step_installs_a_tool_to_build_with(step: Step) -> None:
    assert not TOOLS.search(step.rest), step.rest


def test_what_is_installed_is_pinned_by_hashes_and_the_installer_goes() -> None:
    installs = [step.rest for step in STAGES[0].all("RUN") if " install " in step.rest]
    assert len(installs) == 1
    assert "--require-hashes --only-binary=:all: -r requirements/server.txt" in installs[0]
    assert "--without-pip" in installs[0]
    assert "pip uninstall --yes" in IMAGE.last("RUN").rest


def test_what_is_copied_reaches_the_builder() -> None:
    for step in STAGES[0].all("COPY"):
        for source in step.words[:-1]:
            assert any(f == Path(source) or Path(source) in f.parents for f in CONTEXT), source


def test_the_builder_gets_nothing_but_what_the_image_is_made_of() -> None:
    folders = {path.parts[0] for path in CONTEXT}
    assert folders == {"app", "migrations", "requirements", "deploy"}
    assert not [path for path in CONTEXT if "__pycache__" in path.parts or path.suffix == ".pyc"]
    shipped = {path for path in CONTEXT if path.parts[0] not in ("app", "migrations")}
    assert shipped == {Path("requirements/server.txt"), Path("deploy/health.py")}
    sources = {path.relative_to(ROOT) for path in (ROOT / "app").rglob("*.py")}
    assert sources <= CONTEXT


# -- deploy/health.py


def health(check: str, **settings: str) -> int:
    """The exit code of a container's health check."""
    named = {f"STAGEWARD_{name.upper()}": value for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "health.py", check],
        env={**os.environ, **named},
        capture_output=True,
        check=False,
    )
    return done.returncode


def test_a_server_is_well_while_it_answers(start: Start) -> None:
    server = start()
    port = server.url.rpartition(":")[2]
    assert health("serve", port=port) == 0
    server.end()
    assert health("serve", port=port) != 0


@pytest.mark.parametrize(("seconds", "well"), [(5, True), (90, False)])
def test_a_worker_is_well_while_a_sign_of_life_is_fresh(
    superuser_url: str, seconds: int, well: bool
) -> None:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("delete from procrastinate_workers")
        connection.execute(
            "insert into procrastinate_workers (last_heartbeat) "
            "values (now() - make_interval(secs => %s))",
            [seconds],
        )
        assert (health("worker", database_url=superuser_url) == 0) == well
        connection.execute("delete from procrastinate_workers")


def test_nobody_is_well_without_postgresql() -> None:
    assert health("worker", database_url="postgresql://nobody@127.0.0.1:1/none") != 0


def test_the_health_checks_are_those_that_the_containers_ask_for() -> None:
    asked = [dockerfile.healthcheck(IMAGE), SERVICES["worker"]["healthcheck"]["test"][1:]]
    assert asked == [["python", "deploy/health.py", name] for name in ("serve", "worker")]
