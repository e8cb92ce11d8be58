"""The faulty proxy does to requests what it is told to, and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.s3.faults import (
    Altered,
    CutWhileAnswering,
    CutWhileSending,
    Held,
    HeldAnswer,
    Refused,
    Slow,
    Unheard,
)
from tests.s3.proxy import Proxy
from tests.s3.server import S3Server
from tests.waiting import SECONDS, until

BODY = bytes(range(256)) * 12_000


@dataclass
class Way:
    """To an S3 server through the proxy, and past it; links are signed for the proxy."""

    proxy: Proxy
    direct: S3Server
    signing: S3Server
    bucket: str

    def link(self, operation: str, key: str) -> str:
        parameters = {"Bucket": self.bucket, "Key": key}
        return str(self.signing.client.generate_presigned_url(operation, parameters))

    def put(self, key: str, body: bytes = BODY) -> int:
        answer = httpx.put(
            self.link("put_object", key), content=body, timeout=SECONDS, verify=False
        )
        return answer.status_code

    def get(self, key: str) -> bytes:
        return httpx.get(self.link("get_object", key), timeout=SECONDS, verify=False).content

    def stored(self) -> dict[str, bytes]:
        """What the store holds, asked past the proxy."""
        listed = self.direct.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        read = self.direct.client.get_object
        return {o["Key"]: read(Bucket=self.bucket, Key=o["Key"])["Body"].read() for o in listed}


@pytest.fixture
def way(s3_server: S3Server, bucket: str) -> Iterator[Way]:
    with Proxy(s3_server.endpoint) as proxy:
        signing = replace(s3_server, endpoint=proxy.endpoint, lasting=False)
        yield Way(proxy, s3_server, signing, bucket)
        signing.close()


def test_what_passes_is_not_changed_and_signatures_hold(way: Way) -> None:
    assert way.put("a") == 200
    assert way.get("a") == BODY
    assert way.stored() == {"a": BODY}
    assert [(asked.method, asked.status) for asked in way.proxy.asked] == [
        ("PUT", 200),
        ("GET", 200),
    ]


def test_boto3_works_through_it(way: Way, tmp_path: Path) -> None:
    """It sends heads first and waits to be told to go on, and keeps its connections."""
    client, body = way.signing.client, BODY * 4
    (tmp_path / "file").write_bytes(body)
    client.upload_file(str(tmp_path / "file"), way.bucket, "a/b c")
    client.copy_object(Bucket=way.bucket, Key="copy", CopySource=f"{way.bucket}/a/b c")
    assert client.head_object(Bucket=way.bucket, Key="copy")["ContentLength"] == len(body)
    client.download_file(way.bucket, "copy", str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == body
    client.delete_object(Bucket=way.bucket, Key="copy")
    assert set(way.stored()) == {"a/b c"}


def test_it_refuses_in_the_place_of_the_store(way: Way) -> None:
    with way.proxy.failing(Refused(), "PUT", "/b?", times=1):
        assert way.put("a") == 200
        assert way.put("b") == 503
        assert way.put("b", b"again") == 200
    assert [asked.target.split("?")[0] for asked in way.proxy.struck] == [f"/{way.bucket}/b"]
    assert way.stored() == {"a": BODY, "b": b"again"}


def test_while_it_is_down_connections_are_refused(way: Way) -> None:
    with way.proxy.down():
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                way.put("a")
    assert way.put("a") == 200


def test_a_request_is_cut_in_the_middle_of_its_body(way: Way) -> None:
    with way.proxy.failing(CutWhileSending(100_000)), pytest.raises(httpx.TransportError):
        way.put("a")
    assert way.stored() == {}


def test_an_answer_is_cut_in_the_middle_of_its_body(way: Way) -> None:
    way.put("a")
    with way.proxy.failing(CutWhileAnswering(100_000)):
        got: list[bytes] = []
        with (
            pytest.raises(httpx.RemoteProtocolError, match="received 100000 bytes"),
            httpx.stream("GET", way.link("get_object", "a")) as answer,
        ):
            got.extend(answer.iter_raw())
        assert b"".join(got) == BODY[:100_000]


def test_an_answer_is_lost_though_the_store_has_done_it(way: Way) -> None:
    with way.proxy.failing(Unheard()), pytest.raises(httpx.TransportError):
        way.put("a")
    assert way.stored() == {"a": BODY}


def test_a_byte_is_altered_on_its_way(way: Way) -> None:
    with way.proxy.failing(Altered(at=300_001)):
        assert way.put("a") == 200
    altered = bytearray(BODY)
    altered[300_001] ^= 0xFF
    assert way.stored() == {"a": bytes(altered)}


def test_bodies_trickle(way: Way) -> None:
    began = time.monotonic()
    with way.proxy.failing(Slow(40_000)):
        assert way.put("a", BODY[:10_000]) == 200
        assert way.get("a") == BODY[:10_000]
    assert time.monotonic() - began >= 0.25  # never sooner, however busy the machine


def asking(work: Callable[[], object]) -> threading.Thread:
    """It is under way; that it may fail is no matter."""

    def attempt() -> None:
        try:
            work()
        except httpx.TransportError as error:
            print(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    return thread


def test_a_request_waits_before_the_store(way: Way) -> None:
    held = Held()
    with way.proxy.failing(held):
        thread = asking(lambda: way.put("a"))
        until(lambda: held.holds, what="the request")
        assert way.stored() == {}
    thread.join(SECONDS)
    assert way.stored() == {"a": BODY}


def test_an_answer_waits_while_the_store_has_done_it(way: Way) -> None:
    held = HeldAnswer()
    with way.proxy.failing(held):
        thread = asking(lambda: way.put("a"))
        until(lambda: held.holds, what="the answer")
        assert way.stored() == {"a": BODY}
        assert thread.is_alive()
    thread.join(SECONDS)


def test_what_was_held_and_cut_never_reaches_the_store(way: Way) -> None:
    held = Held()
    with way.proxy.failing(held):
        thread = asking(lambda: way.put("a"))
        until(lambda: held.holds, what="the request")
        way.proxy.cut()
        thread.join(SECONDS)
    assert way.put("b") == 200
    assert way.stored() == {"b": BODY}
