"""Is this container well? `python deploy/health.py serve|worker`; exit code 0 says yes.

`serve` asks the process whether it lives. A database or a store that is away makes it not ready,
which is for the load balancer to see (`/readyz`): a restart would not help. `worker`, which listens
nowhere, looks for a heartbeat in the queue; every worker that works writes one each ten seconds.
"""

import os
import sys
from collections.abc import Callable
from urllib.request import ProxyHandler, build_opener

import psycopg

SECONDS = 4
SILENT_SECONDS = 60
BEATS = """
    select count(*) from procrastinate_workers
    where last_heartbeat > now() - make_interval(secs => %s)
"""


def serve() -> None:
    """The process answers at its own port, whatever proxy the environment names."""
    port = os.environ.get("STAGEWARD_PORT") or "8000"
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/livez", timeout=SECONDS):
        pass


def worker() -> None:
    """Some worker has shown a sign of life."""
    url = os.environ["STAGEWARD_DATABASE_URL"]
    with psycopg.connect(url, connect_timeout=SECONDS) as connection:
        found = connection.execute(BEATS, [SILENT_SECONDS]).fetchone()
    if found is None or found[0] == 0:
        raise SystemExit(f"no worker has shown a sign of life for {SILENT_SECONDS} seconds")


CHECKS: dict[str, Callable[[], None]] = {"serve": serve, "worker": worker}

if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
