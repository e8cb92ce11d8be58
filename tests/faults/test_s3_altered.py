"""Bytes that are altered on their way to S3 are never called a file."""

import pytest

from tests.faults.conftest import Service
from tests.faults.sending import LARGE, MEDIUM, MIB, SMALL, Sends
from tests.s3.faults import Altered
from tests.s3.server import S3Server
from tests.waiting import until

pytestmark = pytest.mark.s3_store

ONE_BYTE = Altered(at=MIB // 2)


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["the only part", "a part of two"])
def test_a_part_whose_digest_was_told_is_refused_at_once(
    service: Service, sends: Sends, s3_server: S3Server, size: int
) -> None:
    """By a store that looks at digests; any other is read back."""
    if s3_server.kind != "swift":
        pytest.skip("this S3 server does not look at the digests of parts")
    sender = sends(size)
    sender.use(service.url)
    sender.register()
    [upload] = sender.ask(part_digests=True).json()["uploads"]
    last = upload["parts"][-1]
    with service.proxy.failing(ONE_BYTE, "PUT", "/incoming/"):
        refused = sender.send(last)
    assert refused.status_code == 400
    assert "BadDigest" in refused.text
    [again] = sender.ask(part_digests=True).json()["uploads"]
    assert not any(part["uploaded"] for part in again["parts"])
    sender.check_not_ready()
    sender.finish()


def test_a_part_whose_digest_nobody_told_is_found_out_while_the_client_waits(
    service: Service, sends: Sends
) -> None:
    sender = sends(MEDIUM)
    sender.use(service.url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    with service.proxy.failing(ONE_BYTE, "PUT", "partNumber=2"):
        sender.send_missing(upload)
    refused = sender.complete(upload)
    assert refused.status_code == 422
    assert refused.json()["expected"] == sender.sha256 != refused.json()["found"]
    sender.check_not_ready()
    sender.finish()


def test_a_part_whose_digest_nobody_told_makes_the_version_fail(
    service: Service, sends: Sends
) -> None:
    sender = sends(LARGE)
    sender.use(service.url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    with service.proxy.failing(ONE_BYTE, "PUT", "partNumber=3"):
        sender.send_missing(upload)
    assert sender.complete(upload).json() == {"verified": False}
    sender.post("/finalize")
    until(lambda: sender.version()["status"] == "failed", what="the version to fail")
    told = str(sender.version()["failure"])
    assert sender.sha256 in told
    sender.check_not_ready()
    sender.finish()


def test_what_the_server_sends_on_is_found_out_too(service: Service, sends: Sends) -> None:
    for size in (SMALL, MEDIUM):
        sender = sends(size)
        sender.use(service.url)
        sender.register()
        with service.proxy.failing(ONE_BYTE, "PUT", "/incoming/", times=1):
            answer = sender.put()
            assert len(service.proxy.struck) == 1
        assert answer.status_code == 503, answer.text
        sender.check_not_ready()
        sender.finish()
