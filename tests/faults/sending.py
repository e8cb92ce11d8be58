"""Somebody who sends a file over HTTP to whichever server there is now, and minds every answer."""

import hashlib
import random
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.waiting import SECONDS, until

TOKEN = "an-admin-token-for-tests-0123456789"
MODELS = "/api/v1/models"
MIB = 1024 * 1024
SMALL = 1 * MIB  # in one part, which a store that looks at digests has proven by taking it
MEDIUM = 20 * MIB  # in two parts, proven while the client waits
LARGE = 65 * MIB  # in five parts, proven by a job


def client(url: str) -> httpx.Client:
    """The admin's. Each answer is what was asked for, or a problem that says what to do."""
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=SECONDS,
        trust_env=False,
        verify=False,
        event_hooks={"response": [mind]},
    )


def mind(answer: httpx.Response) -> None:
    """It is what was asked for, or a problem that says what to do, and when to ask again."""
    if answer.is_success or answer.is_redirect:
        return
    answer.read()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code != 500, answer.text
    assert told["detail"], answer.text
    assert (answer.status_code == 503) == ("retry-after" in answer.headers), answer.text


class Sender:
    """Sends one file to a draft of a model. Any step may be taken again, with any server."""

    def __init__(self, model: str, size: int) -> None:
        self.model, self.path = model, "w.bin"
        self.in_one_request = False
        self.data = random.Random(f"{model} {size}").randbytes(size)
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.upload_id = ""  # the latest that was asked for
        self._api = client("http://nowhere")

    def use(self, url: str) -> None:
        """Speak to this server from now on."""
        self._api.close()
        self._api = client(url)

    def close(self) -> None:
        self._api.close()

    def get(self, path: str = "", **more: Any) -> httpx.Response:
        return self._api.get(self._address(path), **more)

    def post(self, path: str, json: Any = None) -> httpx.Response:
        return self._api.post(self._address(path), json=json)

    def put(self) -> httpx.Response:
        """The whole file in one request."""
        return self._api.put(self._address(f"/files/{self.path}"), content=self.data)

    def register(self) -> None:
        """The model and its first version, unless they are there."""
        if self._api.get(f"{MODELS}/{self.model}").status_code == 404:
            assert self._api.post(MODELS, json={"name": self.model}).status_code == 201
        if self.get().status_code == 404:
            versions = f"{MODELS}/{self.model}/versions"
            assert self._api.post(versions, json={}).status_code == 201

    def ask(self, *, part_digests: bool = False) -> httpx.Response:
        """For an upload; with the digests of its parts, once somebody told how large they are."""
        wanted = {"path": self.path, "size": len(self.data), "sha256": self.sha256}
        answer = self.post("/uploads", {"files": [wanted]})
        if part_digests and answer.is_success:
            [upload] = answer.json()["uploads"]
            digests = [hashlib.sha256(self._of(part)).hexdigest() for part in upload["parts"]]
            answer = self.post("/uploads", {"files": [{**wanted, "part_sha256": digests}]})
        if answer.is_success:
            self.upload_id = answer.json()["uploads"][0]["id"]
        return answer

    def send(self, part: dict[str, Any]) -> httpx.Response:
        """Follow the link of a part. The answer may be the store's."""
        answer = httpx.put(
            part["url"],
            content=self._of(part),
            headers=part["headers"],
            timeout=SECONDS,
            trust_env=False,
            verify=False,
        )
        if str(self._api.base_url) in part["url"]:
            mind(answer)
        return answer

    def send_missing(self, upload: dict[str, Any]) -> None:
        for part in upload["parts"]:
            if not part["uploaded"]:
                sent = self.send(part)
                assert sent.is_success, sent.text

    def complete(self, upload: dict[str, Any]) -> httpx.Response:
        return self.post(f"/uploads/{upload['id']}/complete")

    def version(self) -> dict[str, Any]:
        answer = self.get()
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finish(self) -> None:
        """From wherever it is to a version that is ready, waiting where a server asks for it."""
        self.register()
        if self.version()["status"] in ("draft", "failed"):
            self._bring()
            patiently(lambda: self.post("/finalize"), 200, 202)
        until(lambda: self.version()["status"] != "verifying", what="the end of verifying")
        self.check_ready()

    def _bring(self) -> None:
        if self.in_one_request:
            patiently(self.put, 200, 201)
            return
        [upload] = patiently(self.ask, 201)["uploads"]
        if upload["status"] == "required":
            self.send_missing(upload)
            patiently(lambda: self.complete(upload), 200)

    def check_ready(self) -> None:
        """It is ready, and its bytes come back."""
        assert self.version()["status"] == "ready"
        got = patiently(lambda: self.get(f"/files/{self.path}", follow_redirects=True), 200)
        assert hashlib.sha256(got).hexdigest() == self.sha256

    def check_not_ready(self) -> None:
        """It is not ready, and nothing is called a file of it."""
        assert self.version()["status"] in ("draft", "verifying", "failed")
        assert self.get("/files").json()["items"] == []

    def _address(self, path: str) -> str:
        return f"{MODELS}/{self.model}/versions/1{path}"

    def _of(self, part: dict[str, Any]) -> bytes:
        return self.data[part["offset"] : part["offset"] + part["size"]]


Sends = Callable[[int], Sender]


def patiently(ask: Any, *wanted: int) -> Any:
    """The answer, asked for again as long as it is a 503; in the end it is a wanted one."""
    deadline = time.monotonic() + SECONDS
    while (answer := ask()).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)  # sooner than asked for, which does no harm
    assert answer.status_code in wanted, answer.text
    is_json = answer.headers["content-type"] == "application/json"
    return answer.json() if is_json else answer.content
