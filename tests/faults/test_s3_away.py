"""S3 is down, refuses, is slow, or breaks off: every answer says so, nothing is called what it is
not, and afterwards all goes on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import httpx
import pytest

from tests.faults.conftest import Service
from tests.faults.sending import LARGE, MEDIUM, MIB, SMALL, TOKEN, Sends
from tests.s3.faults import CutWhileAnswering, CutWhileSending, Held, Refused, Slow, Unheard
from tests.s3.proxy import Proxy
from tests.servers import Start
from tests.waiting import until

pytestmark = pytest.mark.s3_store

Breaking = Callable[[Proxy], AbstractContextManager[None]]
BREAKINGS: dict[str, Breaking] = {
    "down": lambda proxy: proxy.down(),
    "refuses": lambda proxy: proxy.failing(Refused()),
    "breaks off": lambda proxy: proxy.failing(Unheard()),
}
all_breakings = pytest.mark.parametrize("breaking", BREAKINGS.values(), ids=BREAKINGS)


@all_breakings
def test_a_request_that_needs_the_store_says_so_and_may_be_made_again(
    service: Service, sends: Sends, breaking: Breaking
) -> None:
    def first_refused(ask: Callable[[], httpx.Response]) -> httpx.Response:
        with breaking(service.proxy):
            assert ask().status_code == 503
        return ask()

    sender = sends(MEDIUM)
    sender.use(service.url)
    sender.register()
    [upload] = first_refused(sender.ask).json()["uploads"]
    sender.send_missing(upload)
    done = first_refused(lambda: sender.complete(upload))
    assert done.json() == {"verified": True}
    assert first_refused(lambda: sender.get("/files/w.bin")).status_code == 307
    sender.finish()

    whole = sends(SMALL)
    whole.use(service.url)
    whole.register()
    assert first_refused(whole.put).status_code == 201
    whole.finish()


@all_breakings
def test_a_proof_waits_for_the_store(service: Service, sends: Sends, breaking: Breaking) -> None:
    sender = sends(LARGE)
    sender.use(service.url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    sender.send_missing(upload)
    held = Held()
    with service.proxy.failing(held, "", f"prefix=proving%2F{upload['id']}"):
        assert sender.complete(upload).json() == {"verified": False}
        assert sender.post("/finalize").status_code == 202
        until(lambda: held.holds, what="the proof to begin")
        with breaking(service.proxy):
            service.proxy.cut()
            faults = service.server.logged.read_text().count("blob_store_fault")
            until(
                lambda: service.server.logged.read_text().count("blob_store_fault") > faults,
                what="the proof to fail",
            )
            sender.check_not_ready()
            assert sender.version()["status"] == "verifying"
    sender.finish()


def test_a_part_that_was_cut_off_is_sent_again(service: Service, sends: Sends) -> None:
    for size, cut, missing in ((SMALL, "/incoming/", [1]), (MEDIUM, "partNumber=2", [2])):
        sender = sends(size)
        sender.use(service.url)
        sender.register()
        [upload] = sender.ask().json()["uploads"]
        *others, last = upload["parts"]
        for part in others:
            assert sender.send(part).is_success
        with (
            service.proxy.failing(CutWhileSending(MIB // 2), "PUT", cut),
            pytest.raises(httpx.TransportError),
        ):
            sender.send(last)
        answer = sender.complete(upload)
        assert answer.status_code == 409
        assert answer.json()["missing"] == missing
        [again] = sender.ask().json()["uploads"]
        assert again["id"] == upload["id"]
        assert [part["number"] for part in again["parts"] if not part["uploaded"]] == missing
        sender.check_not_ready()
        sender.finish()


def test_what_is_read_back_goes_on_after_cuts(service: Service, sends: Sends) -> None:
    sender = sends(LARGE)
    sender.use(service.url)
    with service.proxy.failing(CutWhileAnswering(10 * MIB), "GET", "/proving/", times=3):
        sender.finish()
        assert len(service.proxy.struck) == 3


def test_a_proof_from_a_slow_store_shows_how_far_it_has_come(
    service: Service, sends: Sends
) -> None:
    sender = sends(LARGE)
    sender.use(service.url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    sender.send_missing(upload)
    with service.proxy.failing(Slow(10 * MIB), "GET", "/proving/"):
        sender.complete(upload)
        sender.post("/finalize")
        until(lambda: 0 < (sender.version()["bytes_verified"] or 0) < LARGE, what="progress")
        sender.check_not_ready()
    sender.finish()


def test_a_file_sent_through_the_server_outlives_a_cut_behind_it(
    service: Service, sends: Sends
) -> None:
    sender = sends(MEDIUM)
    sender.use(service.url)
    sender.register()
    cut = CutWhileSending(MIB)
    with service.proxy.failing(cut, "PUT", "/incoming/"):
        assert sender.put().status_code == 503
    sender.check_not_ready()
    with service.proxy.failing(cut, "PUT", "/incoming/", times=1):
        assert sender.put().status_code == 201
        assert len(service.proxy.struck) == 1
    sender.finish()


def test_a_store_that_hangs_keeps_nobody_waiting_who_does_not_need_it(
    service: Service, sends: Sends
) -> None:
    sender, other = sends(MEDIUM), sends(SMALL)
    for each in (sender, other):
        each.use(service.url)
        each.register()
    [upload] = sender.ask().json()["uploads"]
    sender.send_missing(upload)
    held = Held()
    with ThreadPoolExecutor() as pool, service.proxy.failing(held):
        completing = pool.submit(sender.complete, upload)
        until(lambda: held.holds, what="the request to come to the store")
        other.check_not_ready()
        assert not completing.done()
    assert completing.result().status_code == 200
    sender.finish()


def test_a_store_that_hangs_keeps_no_server_from_ending(
    start: Start, proxy: Proxy, sends: Sends
) -> None:
    server = start(store="s3", s3_endpoint=proxy.endpoint, admin_token=TOKEN)
    sender = sends(MEDIUM)
    sender.use(server.url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    sender.send_missing(upload)
    held = Held()
    with ThreadPoolExecutor() as pool, proxy.failing(held):
        completing = pool.submit(sender.complete, upload)
        until(lambda: held.holds, what="the request to come to the store")
        assert server.end() == 0
        assert completing.result().status_code == 503
    sender.use(start(store="s3", s3_endpoint=proxy.endpoint, admin_token=TOKEN).url)
    sender.finish()
