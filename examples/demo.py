"""The whole story against a fresh server: from an empty registry to a version in production.

    make demo

Starts its own server in a temporary folder, prints every request it makes, checks every answer
and the digests, stops the server, and exits non-zero if anything is off.
"""

import contextlib
import hashlib
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import joblib
import train

ROOT = Path(__file__).resolve().parents[1]
MODEL = "breast-cancer"
VERSIONS = f"/models/{MODEL}/versions"


class Failed(Exception):
    """An answer was not what the story expects."""


class Person:
    """Somebody with a token. Prints each request: who, what, and what came of it."""

    def __init__(self, name, url, token):
        """`name` is only for the printed lines."""
        self.name = name
        self.http = train.connect(url, token)
        self.http.event_hooks = {"response": [self._tell]}

    def __enter__(self):
        """Closed at the end of the block."""
        return self

    def __exit__(self, *_):
        self.http.close()

    def __call__(self, method, path, body=None, *, expect=200):
        """The answer, if its status is the expected one."""
        answer = self.http.request(method, path, json=body, follow_redirects=False)
        if answer.status_code != expect:
            raise Failed(f"expected {expect}, got {answer.status_code}: {answer.text}")
        return answer

    def _tell(self, answer):
        answer.read()
        sent = short(answer.request.headers.get("Content-Type", ""), answer.request.content)
        got = short(answer.headers.get("Content-Type", ""), answer.content)
        address = answer.request.url.raw_path.decode().partition("?X-")[0]
        address = address if len(address) < 100 else f"{address[:100]}…"
        print(f"  {self.name:<5} {answer.request.method:<6} {address} {sent}".rstrip())
        print(f"        → {answer.status_code} {got}".rstrip(), flush=True)


def short(media_type, content):
    """The beginning of a body, without secrets."""
    if not content:
        return ""
    if "json" not in media_type:
        return f"({len(content)} bytes)"
    text = json.dumps(masked(json.loads(content)), ensure_ascii=False)
    return text if len(text) <= 240 else f"{text[:240]}…"


def masked(value):
    """The JSON value without token secrets and what is empty; of a problem, what it says."""
    if isinstance(value, dict):
        if "detail" in value and "type" in value:
            return {key: value[key] for key in ("title", "detail")}
        told = {k: "swd_***" if k == "secret" else masked(v) for k, v in value.items()}
        return {k: v for k, v in told.items() if v not in (None, "", [], {})}
    return [masked(item) for item in value] if isinstance(value, list) else value


def step(title):
    """The next part of the story."""
    print(f"\n{title}", flush=True)


def check(fact, message):
    """Stop the story where a fact does not hold."""
    if not fact:
        raise Failed(message)
    print(f"  ✓ {message}", flush=True)


# --- The story -------------------------------------------------------------------------------


def story(url, admin_token):
    """Everything, in order."""
    with Person("admin", url, admin_token) as admin, contextlib.ExitStack() as others:
        alice, bob, ci = (others.enter_context(person) for person in people(admin, url))
        baseline = first_version(alice, bob, ci)
        better = next_version(alice, bob, ci, baseline)
        a_ready_version_does_not_change(alice, better["number"])
        download_and_verify(ci, better)
        who_did_what(bob)


def first_version(alice, bob, ci):
    """A baseline, up to production."""
    step("Alice trains a baseline and registers it with its recipe and its bytes")
    version = train_and_register(alice, "--c", "0.001", "--description", "A strong penalty.")
    to_production(version["number"], alice, bob, ci, "There is no model yet; this beats guessing.")
    return version


def next_version(alice, bob, ci, baseline):
    """A better one takes its place."""
    step("A week later: a better model, which says what it descends from")
    better = train_and_register(
        alice, "--c", "1.0", "--parent", str(baseline["number"]),
        "--description", "A weaker penalty: the baseline was underfitted.",
    )  # fmt: skip
    gain = better["metrics"]["auc"] - baseline["metrics"]["auc"]
    check(gain > 0, f"the new version is better: auc +{gain:.4f}")
    to_production(better["number"], alice, bob, ci, f"auc +{gain:.4f} on the same test part.")

    step("One version holds production; the incumbent was archived in the same transaction")
    stages = alice("GET", f"/models/{MODEL}").json()["stages"]
    check(stages.get("production") == [better["number"]], "production is held by the new version")
    check(stages.get("archived") == [baseline["number"]], "the old version is archived")
    return better


def people(admin, url):
    """Alice trains, Bob reviews, CI applies; the admin made them and gave each a role."""
    step("The admin makes people, a service account for CI, their roles and their tokens")
    owner = admin("GET", "/me").json()["name"]
    made = {
        "alice": ({"kind": "user"}, "reviewer", ["write", "review"]),
        "bob": ({"kind": "user"}, "reviewer", ["review"]),
        "ci": ({"kind": "service", "owner": owner}, "contributor", ["write"]),
    }
    found = []
    for name, (kind, role, scopes) in made.items():
        admin("POST", "/identities", {"name": name, **kind}, expect=201)
        grant = {"subject": name, "role": role, "models": "*"}
        admin("PUT", "/grants", grant, expect=201)
        token = {"name": f"{name}-demo", "identity": name, "scopes": scopes, "expires_in_days": 1}
        secret = admin("POST", "/tokens", token, expect=201).json()["secret"]
        found.append(Person(name, url, secret))
    return found


def train_and_register(person, *flags):
    """`examples/train.py`, with this person's token."""
    version = train.main(["--model", MODEL, *flags], client=person.http)
    check(version["status"] == "ready", f"version {version['number']} is ready")
    return version


def to_production(number, alice, bob, ci, reason):
    """none → staging → production, with a second pair of eyes in between."""
    step(f"Version {number} goes to staging, which needs no approval")
    ask = {"to": "staging", "reason": "Looks right.", "apply": True}
    staged = alice("POST", f"{VERSIONS}/{number}/promotions", ask, expect=201).json()
    check(staged["status"] == "applied", f"version {number} is in staging")

    step(f"Alice asks for production for version {number}")
    ask = {"to": "production", "reason": reason}
    promotion = alice("POST", f"{VERSIONS}/{number}/promotions", ask, expect=201).json()
    here = f"/promotions/{promotion['id']}"
    alice("POST", f"{here}/reviews", {"decision": "approve"}, expect=403)
    check(True, "Alice is a reviewer, but cannot approve what she asked for and made")
    ci("POST", f"{here}/apply", expect=409)
    check(True, "nobody can apply it before it is approved")

    step("Bob finds it in his inbox and approves exactly these bytes and this recipe")
    inbox = bob("GET", f"/promotions?reviewable=true&model={MODEL}").json()["items"]
    check(promotion["id"] in [item["id"] for item in inbox], "it is in Bob's inbox")
    verdict = {"decision": "approve", "comment": "The split and the metrics are sound."}
    bob("POST", f"{here}/reviews", verdict, expect=201)
    check(bob("GET", here).json()["status"] == "approved", "it is approved")

    step("CI applies what is approved, with its own token")
    approved = ci("GET", f"/promotions?status=approved&model={MODEL}").json()["items"]
    check([item["id"] for item in approved] == [promotion["id"]], "CI finds it")
    applied = ci("POST", f"{here}/apply").json()
    check(applied["status"] == "applied", f"version {number} is in production")


def a_ready_version_does_not_change(alice, number):
    """Neither its recipe nor its bytes, whoever asks."""
    step("What was approved cannot be changed afterwards")
    alice("PATCH", f"{VERSIONS}/{number}", {"metrics": {"auc": 1.0}}, expect=409)
    answer = alice.http.put(f"{VERSIONS}/{number}/files/model.joblib", content=b"something else")
    check(answer.status_code == 409, "neither its metrics nor its bytes")


def download_and_verify(ci, version):
    """What a serving host does: resolve, download, prove, load."""
    step("A serving host asks what is in production, downloads it and proves the bytes")
    manifest = ci("GET", f"{VERSIONS}/production/manifest").json()
    check(manifest["number"] == version["number"], "production is the new version")
    lines = sorted(f"{file['sha256']}  {file['path']}\n" for file in manifest["files"])
    lines.sort(key=lambda line: line[66:])
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    check(digest == manifest["manifest_sha256"] == version["manifest_sha256"],
          "the manifest's digest is the one that was approved")  # fmt: skip
    for file in manifest["files"]:
        answer = ci.http.get(f"{VERSIONS}/production/files/{file['path']}", follow_redirects=True)
        found = hashlib.sha256(answer.content).hexdigest()
        check(answer.is_success and found == file["sha256"], f"{file['path']} has sha256 {found}")
        if file["path"] == "model.joblib":
            model = joblib.load(io.BytesIO(answer.content))
            check(model.n_features_in_ == 30, "the model loads")


def who_did_what(bob):
    """The record: transitions of the stages, and every event."""
    step("Who did what")
    transitions = bob("GET", f"/models/{MODEL}/transitions").json()["items"]
    check(len(transitions) >= 5, f"{len(transitions)} transitions are on record")
    events = bob("GET", f"/events?model={MODEL}&limit=200").json()["items"]
    for event in events:
        print(f"    {event['at']}  {event['actor']:<9} {event['action']}")
    actors = {event["actor"] for event in events}
    check({"alice", "bob", "ci"} <= actors, "alice, bob and ci are in the events")


# --- The server ------------------------------------------------------------------------------


@contextlib.contextmanager
def fresh_server():
    """`python -m app serve` in an empty folder: its address and the admin's token."""
    token = f"demo-admin-{secrets.token_urlsafe(32)}"
    with tempfile.TemporaryDirectory(prefix="stageward-demo-") as folder:
        Path(folder).chmod(0o711)  # as root, its PostgreSQL runs as another user and must pass
        port = free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
        environment |= {
            "STAGEWARD_DATA_DIR": f"{folder}/data",
            "STAGEWARD_HOST": "127.0.0.1",
            "STAGEWARD_PORT": str(port),
            "STAGEWARD_ADMIN_TOKEN": token,
        }
        log = Path(folder) / "server.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "app", "serve"],
                cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(server, url)
            yield url, token
        except BaseException:
            print("\nThe end of the server's log:\n", tail(log), file=sys.stderr, sep="")
            raise
        finally:
            stop(server)


def wait_until_ready(server, url):
    """Until `/readyz` answers 200, for two minutes at most."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server ended with {server.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        time.sleep(0.1)
    raise Failed("the server was not ready within two minutes")


def stop(server):
    """Ask it to end, and insist after twenty seconds."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path):
    """The last lines of a file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-40:])


def main():
    """Run the story; 0 if everything held."""
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that the server ends too
    print("Starting a fresh server …", flush=True)
    try:
        with fresh_server() as (url, token):
            story(url, token)
    except (Failed, httpx.HTTPError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    print(f"\nEverything held, in {time.monotonic() - begun:.0f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
