"""The server is killed while a file is on its way through it to the local store: the upload goes on
where it stopped."""

import hashlib
import http.client
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.servers import Start
from tests.waiting import until

pytestmark = pytest.mark.local_store

TOKEN = "an-admin-token-for-tests-0123456789"
V = "/api/v1/models/churn/versions/1"
MIB = 1024 * 1024
DATA = bytes(range(256)) * (150 * MIB // 256)


def declared() -> dict[str, Any]:
    return {"path": "w.bin", "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


def client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60, verify=False
    )


def ask(api: httpx.Client) -> dict[str, Any]:
    answer = api.post(f"{V}/uploads", json={"files": [declared()]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["uploads"][0])


def send(part: dict[str, Any]) -> None:
    body = DATA[part["offset"] : part["offset"] + part["size"]]
    assert httpx.put(part["url"], content=body, timeout=60, verify=False).status_code == 204


def test_an_upload_resumes_after_the_server_was_killed(start: Start) -> None:
    server = start(admin_token=TOKEN)
    with client(server.url) as api:
        assert api.post("/api/v1/models", json={"name": "churn"}).status_code == 201
        assert api.post("/api/v1/models/churn/versions", json={}).status_code == 201
        upload = ask(api)
        assert len(upload["parts"]) >= 2
        send(upload["parts"][0])
        part = upload["parts"][1]
        address = urlsplit(part["url"])
        half = http.client.HTTPConnection(str(address.hostname), int(address.port or 0))
        half.putrequest("PUT", f"{address.path}?{address.query}")
        half.putheader("Content-Length", str(part["size"]))
        half.endheaders()
        half.send(DATA[part["offset"] : part["offset"] + part["size"] // 2])
        server.end(signal.SIGKILL)
        half.close()
    again = start(admin_token=TOKEN)
    with client(again.url) as api:
        resumed = ask(api)
        assert resumed["id"] == upload["id"]
        assert [p["number"] for p in resumed["parts"] if p["uploaded"]] == [1]
        for part in resumed["parts"]:
            if not part["uploaded"]:
                send(part)
        done = api.post(f"{V}/uploads/{resumed['id']}/complete")
        assert (done.status_code, done.json()) == (200, {"verified": True})
        got = api.get(f"{V}/files/w.bin")
        assert hashlib.sha256(got.content).hexdigest() == declared()["sha256"]
        assert api.post(f"{V}/finalize").json()["status"] == "ready"


@pytest.mark.parametrize("moment", ["at once", "once the blob is there"])
def test_a_completion_that_was_killed_is_done_by_the_next(
    start: Start, tmp_path: Path, moment: str
) -> None:
    server = start(admin_token=TOKEN)
    with client(server.url) as api:
        api.post("/api/v1/models", json={"name": "churn"})
        api.post("/api/v1/models/churn/versions", json={})
        upload = ask(api)
        for part in upload["parts"]:
            send(part)
    address = urlsplit(server.url)
    asking = http.client.HTTPConnection(str(address.hostname), int(address.port or 0))
    asking.request(
        "POST", f"{V}/uploads/{upload['id']}/complete", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    sha256 = declared()["sha256"]
    blob = tmp_path / "data" / "store" / "blobs" / sha256[:2] / sha256[2:4] / sha256
    if moment == "once the blob is there":
        until(blob.exists, what="the blob")
    server.end(signal.SIGKILL)
    asking.close()
    again = start(admin_token=TOKEN)
    with client(again.url) as api:
        done = until(
            lambda: _complete(api, upload["id"]), what="the upload to be complete", within=60
        )
        assert done == {"verified": True}
        files = api.get(f"{V}/files").json()["items"]
        assert [(f["path"], f["sha256"]) for f in files] == [("w.bin", declared()["sha256"])]


def _complete(api: httpx.Client, upload_id: str) -> Any:
    """Complete it; where the kill fell between the move of the bytes and the attachment, the next
    try finds them in place."""
    answer = api.post(f"{V}/uploads/{upload_id}/complete")
    assert answer.status_code in (200, 503), answer.text
    return answer.json() if answer.status_code == 200 else None
