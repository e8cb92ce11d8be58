"""Bring the whole deployment up in containers, use it, break it, and take it away again.

`make check-stack`, with Docker and its Compose; ports 8000 and 8333 of loopback must be free. It
has a project, passwords and volumes of its own, and removes them at the end. What is looked at:
every service becomes well; a file goes through the balancer and through links to S3, is proven by
the worker and comes back; a long poll waits and is told through the other app; an app is killed
under load and nobody who reads notices; the serving role cannot touch the record; what was stored
is there after everything was stopped and started.
"""

import argparse
import hashlib
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
URL = "http://127.0.0.1:8000"
PROJECT = "stageward-check"
NAMES = (
    "POSTGRES_PASSWORD",
    "STAGEWARD_OWNER_PASSWORD",
    "STAGEWARD_DATABASE_PASSWORD",
    "STAGEWARD_S3_SECRET_KEY",
    "STAGEWARD_SECRET_KEY",
    "STAGEWARD_ADMIN_TOKEN",
)
SERVICES = ("load-balancer", "app", "worker", "postgres", "s3")
MIB = 2**20
SIZE = 200 * MIB
WAIT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployment, by its Compose."""

    command: tuple[str, ...]
    settings: dict[str, str]

    def compose(self, *arguments: str) -> str:
        """Run Compose; what it printed."""
        return run([*self.command, *arguments])

    def containers(self, service: str) -> list[str]:
        """The ids of the containers of a service that run."""
        return self.compose("ps", "-q", service).split()

    def wait_until_well(self) -> None:
        """Every service's health check says so."""
        for service in SERVICES:
            until(lambda service=service: self._is_well(service), f"{service} to be well")
        say("every service is well by its own health check")

    def _is_well(self, service: str) -> bool:
        found = self.containers(service)
        states = [run(["docker", "inspect", "-f", "{{.State.Health.Status}}", c]) for c in found]
        return bool(found) and all(state.strip() == "healthy" for state in states)

    def person(self, token: str) -> httpx.Client:
        """Somebody who asks through the balancer."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{URL}/api/v1", headers=headers, timeout=120)


def main() -> int:
    """Up, through the stories, and down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compose", default="docker compose", help="the command of Compose")
    parser.add_argument("--file", type=Path, default=ROOT / "docker-compose.yml")
    parser.add_argument("--no-build", action="store_true", help="the image is there already")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stageward-check-") as folder:
        settings = {name: secrets.token_hex(32) for name in NAMES}
        env_file = Path(folder) / "env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        where = ("--project-directory", str(ROOT), "-f", str(asked.file), "--env-file")
        command = (*shlex.split(asked.compose), "-p", PROJECT, *where, str(env_file))
        stack = Stack(command, settings)
        try:
            stack.compose("up", "-d", "--no-build" if asked.no_build else "--build")
            tell_stories(stack)
        except BaseException:
            print(stack.compose("logs", "--tail", "20"), file=sys.stderr)
            raise
        finally:
            stack.compose("down", "-v", "-t", "30")
    return 0


def tell_stories(stack: Stack) -> None:
    """All that is looked at, in order."""
    stack.wait_until_well()
    admin = stack.person(stack.settings["STAGEWARD_ADMIN_TOKEN"])
    trainer = hired(stack, admin)
    body = os.urandom(MIB) * (SIZE // MIB)
    digest = hashlib.sha256(body).hexdigest()
    ok(trainer.post("/models", json={"name": "churn"}))
    file_through_the_balancer(trainer, body, digest)
    file_through_links(trainer, os.urandom(MIB) + body, "weights.bin")
    long_poll(admin, trainer)
    app_killed_under_load(stack, trainer)
    record_is_out_of_reach(stack)
    stack.compose("stop", "-t", "60")
    stack.compose("start")
    stack.wait_until_well()
    until(lambda: httpx.get(f"{URL}/readyz").is_success, "it to be ready again")
    came_back(trainer, "/models/churn/versions/1/files/put.bin", digest)
    say("all was stopped and started, and the file is there")


def hired(stack: Stack, admin: httpx.Client) -> httpx.Client:
    """Somebody who trains."""
    ok(admin.post("/identities", json={"name": "alice", "kind": "user"}))
    ok(admin.put("/grants", json={"subject": "alice", "role": "contributor", "models": "*"}))
    wanted = {"name": "check", "identity": "alice", "scopes": ["read", "write"]}
    return stack.person(ok(admin.post("/tokens", json=wanted))["secret"])


def file_through_the_balancer(trainer: httpx.Client, body: bytes, digest: str) -> None:
    """One PUT of a stream without a length; it is in S3 and proven when it is answered."""
    ok(trainer.post("/models/churn/versions", json={}))
    pieces = (body[at : at + MIB] for at in range(0, len(body), MIB))
    began = time.monotonic()
    put = ok(trainer.put("/models/churn/versions/1/files/put.bin", content=pieces))
    expect(put["sha256"] == digest, put)
    rate = len(body) / MIB / (time.monotonic() - began)
    came_back(trainer, "/models/churn/versions/1/files/put.bin", digest)
    say(f"{len(body) // MIB} MiB streamed through the balancer ({rate:.0f} MiB/s) and back from S3")


def file_through_links(trainer: httpx.Client, body: bytes, path: str) -> None:
    """Parts straight to S3; the worker proves them before the version is ready."""
    ok(trainer.post("/models/churn/versions", json={}))
    digest = hashlib.sha256(body).hexdigest()
    wanted = {"path": path, "size": len(body), "sha256": digest}
    begun = ok(trainer.post("/models/churn/versions/2/uploads", json={"files": [wanted]}))
    upload = begun["uploads"][0]
    for part in upload["parts"]:
        piece = body[part["offset"] : part["offset"] + part["size"]]
        sent = httpx.put(part["url"], content=piece, headers=part["headers"], timeout=120)
        expect(sent.is_success, sent.text)
    ok(trainer.post(f"/models/churn/versions/2/uploads/{upload['id']}/complete"))
    ok(trainer.post("/models/churn/versions/2/finalize"))
    until(
        lambda: ok(trainer.get("/models/churn/versions/2"))["status"] == "ready",
        "the worker to prove the bytes",
    )
    came_back(trainer, f"/models/churn/versions/2/files/{path}", digest)
    say(f"{len(upload['parts'])} parts straight to S3, proven by the worker, and back")


def came_back(trainer: httpx.Client, path: str, digest: str) -> None:
    """A file's link gives these bytes."""
    link = trainer.get(path)
    expect(link.status_code == 307, link.text)
    body = httpx.get(link.headers["Location"], timeout=120).content
    expect(hashlib.sha256(body).hexdigest() == digest, f"{path} came back as other bytes")


def long_poll(admin: httpx.Client, trainer: httpx.Client) -> None:
    """Whoever waits is told at once what happens through any app, and else waits in peace."""
    last = ok(admin.get("/events", params={"limit": 200}))["items"][-1]["cursor"]
    began = time.monotonic()
    nothing = ok(admin.get("/events", params={"after": last, "wait": 30}))["items"]
    waited = time.monotonic() - began
    expect(nothing == [] and waited > 25, f"a long poll ended after {waited:.0f} s: {nothing}")
    found: list[Any] = []

    def wait() -> None:
        found.extend(ok(admin.get("/events", params={"after": last, "wait": 30}))["items"])

    waiter = threading.Thread(target=wait)
    waiter.start()
    ok(trainer.post("/models", json={"name": "other"}))
    waiter.join()
    expect([event["action"] for event in found] == ["model.created"], found)
    addresses = {event["address"] for event in found}
    say(f"a long poll waited 30 s, and another was told; who asked is seen as {addresses}")


def app_killed_under_load(stack: Stack, trainer: httpx.Client) -> None:
    """One of the two apps dies by SIGKILL while four readers ask without a pause."""
    over, answers = threading.Event(), list[int]()

    def ask() -> None:
        with httpx.Client(headers=trainer.headers, timeout=60) as reader:
            while not over.is_set():
                answers.append(reader.get(f"{URL}/api/v1/models?limit=1").status_code)

    readers = [threading.Thread(target=ask) for _ in range(4)]
    for reader in readers:
        reader.start()
    until(lambda: len(answers) > 100, "readers to be under way")
    victim = stack.containers("app")[0]
    run(["docker", "kill", "-s", "KILL", victim])
    before = len(answers)
    until(lambda: len(answers) > before + 200, "the other app to answer")
    over.set()
    for reader in readers:
        reader.join()
    expect(set(answers) == {200}, sorted(set(answers)))
    run(["docker", "start", victim])
    say(f"an app was killed under load: all of {len(answers)} readers' requests were answered")


def record_is_out_of_reach(stack: Stack) -> None:
    """The role that serves can neither change nor remove an event."""
    password = stack.settings["STAGEWARD_DATABASE_PASSWORD"]
    url = f"postgresql://stageward:{password}@127.0.0.1/stageward"
    command = ["exec", "-T", "postgres", "psql", url, "-c", "delete from events"]
    done = subprocess.run(  # noqa: S603
        [*stack.command, *command], capture_output=True, text=True, check=False
    )
    expect("permission denied" in done.stderr, done)
    say("the serving role may not remove an event")


def ok(answer: httpx.Response) -> Any:
    """The JSON of an answer that went well."""
    if not answer.is_success:
        raise SystemExit(f"WRONG  {answer.request.method} {answer.url}: {answer.text}")
    return answer.json()


def expect(holds: bool, what: object) -> None:
    """Go on only if something holds."""
    if not holds:
        raise SystemExit(f"WRONG  {what}")


def until(holds: Callable[[], object], what: str) -> None:
    """Look until something holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"WRONG  waited in vain for {what}")
        time.sleep(0.5)


def run(command: Sequence[str]) -> str:
    """What a command printed; it must end well."""
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"WRONG  {shlex.join(command)} ended with {done.returncode}")
    return done.stdout


def say(text: str) -> None:
    """Say what was seen."""
    print(f"ok     {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
