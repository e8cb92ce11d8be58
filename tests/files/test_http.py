"""What HTTP expects of files: conditions, ranges, names, headers, and refusals in time."""

import hashlib
import socket
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.actors import Api
from tests.factories import make_draft, make_model, pointers, problem
from tests.servers import Start, start

__all__ = ["start"]

V = "/models/churn/versions/1"
FILES = f"{V}/files"
DATA = b"0123456789"
TAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
OTHER = f'"{"ab" * 32}"'
TOKEN = "an-admin-token-for-tests-0123456789"


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


@pytest.fixture
async def stored(draft: Api) -> Api:
    assert (await draft.put(f"{FILES}/w", content=DATA)).status_code == 201
    return draft


async def test_a_put_replaces_only_the_bytes_that_if_match_names(stored: Api) -> None:
    for tag in (OTHER, '"r1"'):
        stale = await stored.put(f"{FILES}/w", content=b"new", headers={"If-Match": tag})
        problem(stale, 412, "stale-revision")
    absent = await stored.put(f"{FILES}/x", content=b"new", headers={"If-Match": "*"})
    problem(absent, 412, "stale-revision")
    assert (await stored.get(f"{FILES}/w")).content == DATA
    right = await stored.put(f"{FILES}/w", content=b"new", headers={"If-Match": f"{OTHER}, {TAG}"})
    assert right.status_code == 200
    assert (await stored.head(f"{FILES}/w")).headers["etag"] == right.headers["etag"]


async def test_a_delete_takes_out_only_the_bytes_that_if_match_names(stored: Api) -> None:
    stale = await stored.delete(f"{FILES}/w", headers={"If-Match": OTHER})
    problem(stale, 412, "stale-revision")
    assert (await stored.delete(f"{FILES}/w", headers={"If-Match": TAG})).status_code == 204
    problem(await stored.delete(f"{FILES}/w", headers={"If-Match": TAG}), 404, "not-found")


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Content-Range", "bytes 5-9/10", 400),
        ("Content-Encoding", "gzip", 422),
        ("Content-Type", "multipart/form-data; boundary=x", 422),
    ],
)
async def test_a_body_that_is_not_simply_the_file_is_refused(
    draft: Api, header: str, value: str, status: int
) -> None:
    answer = await draft.put(f"{FILES}/w", content=DATA, headers={header: value})
    body = problem(answer, status, "malformed-request" if status == 400 else "invalid-request")
    if status == 422:
        assert pointers(body) == {header}
    assert (await draft.get(FILES)).json()["items"] == []
    kept = await draft.put(f"{FILES}/w", content=DATA, headers={"Content-Encoding": "identity"})
    assert kept.status_code == 201


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("application/x-www-form-urlencoded", "application/octet-stream"),
        ("application/json", "application/json"),
        ("nonsense", "application/octet-stream"),
        ("text/html; a b", "application/octet-stream"),
    ],
)
async def test_the_content_type_of_a_put_is_what_a_get_says(
    draft: Api, said: str, kept: str
) -> None:
    put = await draft.put(f"{FILES}/w", content=DATA, headers={"Content-Type": said})
    assert put.json()["media_type"] == kept
    assert (await draft.get(f"{FILES}/w")).headers["content-type"] == kept


async def test_a_declared_media_type_must_be_one_that_can_be_sent_back(draft: Api) -> None:
    for said in ("text", "text/html; a b", "a/b;;", "é/b", "text/plain; a=\n"):
        wanted = {"path": "w", "size": 1, "sha256": "ab" * 32, "media_type": said}
        answer = await draft.post(f"{V}/uploads", {"files": [wanted]})
        body = problem(answer, 422, "invalid-request")
        assert pointers(body) == {"/files/0/media_type"}


@pytest.mark.local_store
async def test_head_says_what_get_would_without_the_bytes(stored: Api) -> None:
    got = await stored.get(f"{FILES}/w")
    head = await stored.head(f"{FILES}/w")
    varying = {"x-request-id", "date"}
    assert (head.status_code, head.content) == (200, b"")
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in got.headers.items() if k not in varying
    }
    assert head.headers["content-length"] == "10"
    same = await stored.head(f"{FILES}/w", headers={"If-None-Match": TAG})
    assert (same.status_code, same.headers["etag"]) == (304, TAG)
    assert (await stored.head(f"{FILES}/absent")).status_code == 404


@pytest.mark.local_store
@pytest.mark.parametrize(
    ("headers", "status", "content"),
    [
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=-3"}, 206, b"789"),
        ({"Range": "bytes=8-99"}, 206, b"89"),
        ({"Range": "bytes=2-4", "If-Range": TAG}, 206, b"234"),
        ({"Range": "bytes=2-4", "If-Range": OTHER}, 200, DATA),
        ({"Range": "bytes=2-4,6-7"}, 200, DATA),
        ({"Range": "lines=1-2"}, 200, DATA),
        ({"Range": "bytes=2-4", "If-None-Match": TAG}, 304, b""),
    ],
)
async def test_ranges(stored: Api, headers: dict[str, str], status: int, content: bytes) -> None:
    answer = await stored.get(f"{FILES}/w", headers=headers)
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers["etag"] == TAG
    if status == 206:
        assert answer.headers["content-range"].endswith("/10")


async def test_conditions_mean_the_digest_also_where_the_bytes_are_in_another_store(
    stored: Api,
) -> None:
    """S3 has entity tags of its own: a redirect would answer 412, or the whole file."""
    right = await stored.get(f"{FILES}/w", headers={"If-Match": TAG})
    assert (right.status_code, right.content) == (200, DATA)
    resumed = await stored.get(f"{FILES}/w", headers={"Range": "bytes=4-", "If-Range": TAG})
    assert (resumed.status_code, resumed.content) == (206, DATA[4:])
    other = await stored.get(f"{FILES}/w", headers={"Range": "bytes=4-", "If-Range": OTHER})
    assert (other.status_code, other.content) == (200, DATA)


async def test_a_range_outside_and_another_file_are_problems(stored: Api) -> None:
    outside = await stored.get(f"{FILES}/w", headers={"Range": "bytes=10-"})
    problem(outside, 416, "range-not-satisfiable")
    assert outside.headers["content-range"] == "bytes */10"
    other = await stored.get(f"{FILES}/w", headers={"If-Match": OTHER})
    problem(other, 412, "stale-revision")


async def test_an_answer_says_which_version_a_reference_meant_and_that_it_was_recalled(
    stored: Api,
) -> None:
    await stored.post(f"{V}/finalize")
    for answer in (
        await stored.get("/models/churn/versions/latest/files/w", follow_redirects=False),
        await stored.head("/models/churn/versions/latest/files/w"),
        await stored.get("/models/churn/versions/latest/files"),
        await stored.get("/models/churn/versions/latest/files/w", headers={"If-None-Match": TAG}),
    ):
        assert answer.headers["version-number"] == "1"
        assert "version-recalled" not in answer.headers
    await stored.post(f"{V}/recall", {"reason": "leaks"})
    for answer in (await stored.head(f"{FILES}/w"), await stored.get(FILES)):
        assert answer.headers["version-recalled"] == "true"


@pytest.mark.local_store
@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("weights.bin", 'attachment; filename="weights.bin"'),
        ('a "b".bin', "attachment; filename=\"a _b_.bin\"; filename*=UTF-8''a%20%22b%22.bin"),
        ("modèle.bin", "attachment; filename=\"mod_le.bin\"; filename*=UTF-8''mod%C3%A8le.bin"),
        ("50%;x=1.bin", "attachment; filename=\"50_;x=1.bin\"; filename*=UTF-8''50%25%3Bx%3D1.bin"),
        ("a?b#c", 'attachment; filename="a?b#c"'),
        ("模型", "attachment; filename=\"__\"; filename*=UTF-8''%E6%A8%A1%E5%9E%8B"),
        ("\U0001f600", "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%98%80"),
        (" ", 'attachment; filename=" "'),
    ],
)
async def test_a_file_is_saved_under_its_name(draft: Api, name: str, disposition: str) -> None:
    address = f"{FILES}/in a folder/{quote(name)}"
    put = await draft.put(address, content=DATA)
    assert put.status_code == 201, put.text
    got = await draft.get(address)
    assert got.headers["content-disposition"] == disposition
    found = await draft.http.get(
        put.headers["location"], headers={"Authorization": f"Bearer {draft.token}"}
    )
    assert found.content == DATA
    manifest = (await draft.get(f"{V}/manifest")).json()
    linked = await draft.http.get(manifest["files"][0]["url"])
    assert (linked.content, linked.headers["content-disposition"]) == (DATA, disposition)


@pytest.mark.parametrize("path", ["%2e%2e/x", "a//b", "x" * 1025, "%FF", "a%5Cb"])
async def test_a_path_that_no_file_can_have_is_not_found(draft: Api, path: str) -> None:
    for answer in (await draft.get(f"{FILES}/{path}"), await draft.delete(f"{FILES}/{path}")):
        problem(answer, 404, "not-found")


class Raw:
    """A connection on which a PUT was begun, its body held back."""

    def __init__(self, url: str, path: str, *headers: str) -> None:
        address = urlsplit(url)
        self.socket = socket.create_connection((str(address.hostname), int(address.port or 0)), 60)
        lines = [f"PUT /api/v1{path} HTTP/1.1", f"Host: {address.netloc}", *headers]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def status(self) -> int:
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.socket.recv(65536)
            assert piece, answer
            answer += piece
        return int(answer.split()[1])


@pytest.mark.local_store
def test_what_can_be_refused_is_refused_before_a_byte_is_sent(start: Start) -> None:
    server = start(admin_token=TOKEN)
    url = server.url
    api = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"})
    with api:
        api.post("/models", json={"name": "churn"})
        for finalize in (True, False):
            api.post("/models/churn/versions", json={"finalize": finalize})
        announced = ("Content-Length: 10000000000", "Expect: 100-continue")
        known = (f"Authorization: Bearer {TOKEN}", *announced)
        here = "/models/churn/versions/2/files"
        huge = known[0], "Content-Length: 1000000000000000", known[2]
        refused: list[tuple[str, tuple[str, ...], int]] = [
            (f"{here}/w", announced, 401),
            ("/models/other/versions/2/files/w", known, 404),
            ("/models/churn/versions/3/files/w", known, 404),
            ("/models/churn/versions/1/files/w", known, 409),
            (f"{here}/a//b", known, 422),
            (f"{here}/w", (*known, "X-Content-SHA256: nonsense"), 422),
            (f"{here}/w", (*known, "Content-Range: bytes 1-2/3"), 400),
            (f"{here}/w", (*known, "If-Match: *"), 412),
            (f"{here}/w", huge, 503),
        ]
        for path, headers, status in refused:
            with Raw(url, path, *headers) as asking:
                assert asking.status() == status, (path, headers)
        with Raw(url, f"{here}/w", known[0], "Content-Length: 10", known[2]) as asking:
            assert asking.status() == 100
            asking.socket.sendall(DATA)
            assert asking.status() == 201
        got: Any = api.get(f"{here}/w")
        assert got.content == DATA
