"""PostgreSQL goes away in the middle of an upload to S3, and comes back."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.sending import LARGE, MEDIUM, TOKEN, Sends, patiently
from tests.faults.test_serving import postgres_pid
from tests.s3.faults import Held
from tests.s3.proxy import Proxy
from tests.servers import Start
from tests.waiting import until

pytestmark = pytest.mark.s3_store


@pytest.mark.parametrize("size", [MEDIUM, LARGE], ids=["while the client waits", "by a job"])
def test_an_upload_outlives_a_restart_of_postgresql_while_it_is_proven(
    start: Start, tmp_path: Path, proxy: Proxy, sends: Sends, size: int
) -> None:
    sender = sends(size)
    sender.use(start(store="s3", s3_endpoint=proxy.endpoint, admin_token=TOKEN).url)
    sender.register()
    [upload] = sender.ask().json()["uploads"]
    sender.send_missing(upload)
    held = Held()
    with ThreadPoolExecutor() as pool, proxy.failing(held, "PUT", "/blobs/"):
        completing = pool.submit(sender.complete, upload)
        until(lambda: held.holds, what="the blob to be adopted")
        before = postgres_pid(tmp_path)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda: postgres_pid(tmp_path) not in (None, before), what="another PostgreSQL")
    assert completing.result().status_code in (200, 503)
    patiently(sender.get, 200)
    sender.finish()
