"""The server is killed at every step of an upload to S3: the next one goes on where it stopped,
and nothing is called ready that is not."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest

from tests.faults.sending import LARGE, MEDIUM, SMALL, TOKEN, Sender, Sends
from tests.s3.faults import Held, HeldAnswer
from tests.s3.proxy import Proxy
from tests.servers import Server, Start
from tests.waiting import SECONDS, until

pytestmark = pytest.mark.s3_store


@dataclass(frozen=True)
class Step:
    """Something that is asked of the store, told by the method and what the address contains."""

    method: str
    texts: tuple[str, ...]
    done: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.done else 'before'} {self.method} {' '.join(self.texts)}"


def before(method: str, *texts: str) -> Step:
    """The store has not heard of it yet."""
    return Step(method, texts)


def after(method: str, *texts: str) -> Step:
    """The store has done it, and the server does not know."""
    return Step(method, texts, done=True)


# What changes the store or follows a change in the database, in this order. Between two of these,
# all looks the same to who comes next.
IN_ONE_PART = [
    before("PUT", "/incoming/"),
    before("PUT", "/blobs/"),
    after("HEAD", "/blobs/"),
]
IN_PARTS = [
    before("POST", "/incoming/", "?uploads"),
    after("POST", "/incoming/", "?uploads"),
    before("PUT", "/incoming/{upload}", "partNumber=2"),
    before("POST", "/incoming/{upload}", "uploadId="),
    after("POST", "/incoming/{upload}", "uploadId="),
    before("PUT", "/proving/{upload}"),
    before("DELETE", "/incoming/{upload}"),
    before("GET", "/proving/{upload}"),
    before("PUT", "/blobs/"),
    before("DELETE", "/proving/{upload}"),
    after("HEAD", "/blobs/"),
]
BY_A_JOB = [
    after("POST", "/incoming/{upload}", "uploadId="),
    before("GET", "prefix=proving%2F{upload}"),
    before("GET", "/proving/{upload}"),
    before("PUT", "/blobs/"),
    after("HEAD", "/blobs/"),
]

THROUGH_THE_SERVER = [
    before("PUT", "/incoming/", "partNumber=2"),
    before("PUT", "/blobs/"),
    after("HEAD", "/blobs/"),
]


@pytest.mark.parametrize(
    ("size", "steps"),
    [
        (SMALL, IN_ONE_PART),
        (MEDIUM, IN_PARTS),
        (LARGE, BY_A_JOB),
        (MEDIUM, THROUGH_THE_SERVER),
    ],
    ids=["in one part", "proven at once", "proven by a job", "through the server"],
)
def test_an_upload_goes_on_after_a_kill_at_every_step(
    start: Start, proxy: Proxy, sends: Sends, size: int, steps: list[Step]
) -> None:
    sender = sends(size)

    def serve() -> Server:
        server = start(store="s3", s3_endpoint=proxy.endpoint, admin_token=TOKEN)
        sender.use(server.url)
        return server

    sender.in_one_request = steps is THROUGH_THE_SERVER
    for step in steps:
        kill_at(step, proxy, sender, serve)
    serve()
    sender.finish()


def kill_at(step: Step, proxy: Proxy, sender: Sender, serve: Callable[[], Server]) -> None:
    """Let a server work up to this step. Its jobs may come to it by themselves."""
    held = HeldAnswer() if step.done else Held()
    texts = [text.format(upload=sender.upload_id) for text in step.texts]  # once it is known
    with ThreadPoolExecutor() as pool, proxy.failing(held, step.method, *texts, times=1):
        server = serve()
        sender.register()
        sender.check_not_ready()
        sending = pool.submit(_send, sender)
        until(lambda: held.holds or sending.done(), what=str(step))
        server.end(signal.SIGKILL)
        proxy.cut()
        sending.result(SECONDS)
    assert held.holds, step


def _send(sender: Sender) -> None:
    with suppress(httpx.TransportError):
        sender.finish()
