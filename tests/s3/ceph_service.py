"""A Ceph of one monitor, one OSD and one RADOS gateway in a folder, until its standard input ends.

`python ceph_service.py FOLDER ACCESS_KEY SECRET`, with Debian's packages radosgw, ceph-mon and
ceph-osd. It prints the address of its S3 API once it serves. When this process ends, by whatever
means, all three end; when it ends by itself, its folder goes too.
"""

import ctypes
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn
from uuid import uuid4

SECONDS = 120
# No passwords, no copies, one of everything, and no waiting for company that never comes.
CONFIG = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
crash_dir = {folder}/log
debug_none = 0
log_to_stderr = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_osd_initial_require_min_compat_client = luminous
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_tick_interval = 1
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
[mon]
mon_data = {folder}/mon
[osd]
osd_data = {folder}/osd
osd_objectstore = bluestore
osd_class_dir = {classes}
osd_crush_initial_weight = 1
osd_memory_target = 1073741824
osd_numa_auto_affinity = false
osd_op_num_shards = 2
bluestore_block_size = 21474836480
bluestore_cache_autotune = false
bluestore_cache_size = 268435456
[client.rgw]
rgw_data = {folder}/rgw
ms_mon_client_mode = crc
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_enable_usage_log = false
rgw_run_sync_thread = false
rgw_thread_pool_size = 64
"""


class Ceph:
    """The processes, and the commands that prepare them."""

    def __init__(self, folder: Path) -> None:
        """Only the configuration is written."""
        self._folder = folder
        self._config = folder / "ceph.conf"
        self._running: list[subprocess.Popen[bytes]] = []
        self._fsid = str(uuid4())
        self.port, self._mon_port = _free_port(), _free_port()
        for name in ("mon", "osd", "rgw", "run", "log"):
            (folder / name).mkdir()
        [classes, *_] = Path("/usr/lib").glob("*/rados-classes")
        self._config.write_text(
            CONFIG.format(
                fsid=self._fsid,
                folder=folder,
                classes=classes,
                port=self.port,
                mon_port=self._mon_port,
            )
        )

    def start(self, access_key: str, secret: str) -> None:
        """Make it and serve."""
        monitors, osd = str(self._folder / "monitors"), str(uuid4())
        address = f"[v2:127.0.0.1:{self._mon_port}]"
        made = ["--create", "--clobber", "--fsid", self._fsid, "--addv", "a", address, monitors]
        self._do("monmaptool", *made)
        self._do("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        self._serve("ceph-mon", "-i", "a")
        self._do("ceph", "osd", "new", osd)
        self._do("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd)
        self._serve("ceph-osd", "-i", "0")
        self._do("ceph", "osd", "crush", "add", "osd.0", "1", "root=default", "host=local")
        user = ["--uid", "tests", "--display-name", "tests"]
        keys = ["--access-key", access_key, "--secret", secret]
        self._do("radosgw-admin", "-n", "client.rgw", "user", "create", *user, *keys)
        self._serve("radosgw", "-n", "client.rgw")
        self._wait_for_port()

    def died(self) -> bool:
        """Whether a process has ended that should live."""
        return any(process.poll() is not None for process in self._running)

    def stop(self) -> None:
        """End all, the last that was started first."""
        for process in reversed(self._running):
            process.kill()
            process.wait()

    def _do(self, command: str, *more: str) -> None:
        if self._run(command, *more).wait(SECONDS) != 0:
            raise SystemExit(f"{command} failed.")

    def _serve(self, command: str, *more: str) -> None:
        self._running.append(self._run(command, "-f", *more))

    def _run(self, command: str, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [command, "-c", str(self._config), *more],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 (there are no threads here)
        )

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + SECONDS
        while not _accepts(self.port):
            if self.died() or time.monotonic() > deadline:
                raise SystemExit("The gateway did not start.")
            time.sleep(0.05)


def main(folder: Path, access_key: str, secret: str) -> None:
    """Serve until the standard input ends."""
    ceph = Ceph(folder)
    try:
        ceph.start(access_key, secret)
        print(f"http://127.0.0.1:{ceph.port}", flush=True)
        while not select.select([sys.stdin], [], [], 1)[0] and not ceph.died():
            continue
    finally:
        ceph.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """A port that is free now, and that the system does not hand out by itself meanwhile."""
    while True:
        port = random.randint(20_000, 32_000)
        if not _accepts(port):
            return port


def _accepts(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _dying_with(parent: int) -> Callable[[], None]:
    """What a child does first, so that it ends when its parent does."""
    prctl = ctypes.CDLL(None).prctl

    def die_with_it() -> None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return die_with_it


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
