"""A whole OpenStack Swift in one folder, served on loopback until its standard input ends.

Run by Swift's own Python: `python swift_service.py FOLDER ACCOUNT:USER SECRET`. It prints the
address of its S3 API once it serves, and what goes wrong to its standard error. Four processes,
forked from this one: the proxy that speaks S3, and the servers of accounts, containers and objects
behind it. When this process ends, by whatever means, they end; when it ends by itself, its folder
goes too. It would forget all at a crash of the machine, which is faster.
"""

import ctypes
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import eventlet
from swift.common.ring import RingBuilder
from swift.common.wsgi import check_config, run_server

STORING = ("account", "container", "object")
SWIFT = """\
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = default
default = yes
"""
# A busy machine is no failure: waits are long, and no part is shunned for having been slow.
EACH = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
workers = 0
client_timeout = 120
log_level = WARNING
conn_timeout = 60
node_timeout = 120
container_update_timeout = 60
"""
STORES = """\
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
disk_chunk_size = 1048576
network_chunk_size = 1048576
"""
SPEAKS_S3 = """\
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo dlo \
versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
client_chunk_size = 1048576
object_chunk_size = 1048576
recoverable_node_timeout = 120
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 8388608
rate_limit_after_segment = 100000
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


def main(folder: Path, access_key: str, secret: str) -> None:
    """Serve until the standard input ends."""
    listening = {name: _listen() for name in (*STORING, "proxy")}
    ports = {name: found.getsockname()[1] for name, found in listening.items()}
    account, _, user = access_key.partition(":")
    (folder / "devices" / "one").mkdir(parents=True)
    (folder / "swift.conf").write_text(SWIFT)
    for name, port in ports.items():
        own = SPEAKS_S3 if name == "proxy" else STORES
        text = (EACH + own).format(
            name=name, port=port, folder=folder, account=account, user=user, secret=secret
        )
        (folder / f"{name}.conf").write_text(text)
    for name in STORING:
        _draw_ring(folder, name, ports[name])
    children = {name: _fork(folder, name, listening[name]) for name in listening}
    try:
        for name, (_, alive) in children.items():
            if os.read(alive, 1) != b"\n":
                raise SystemExit(f"Swift's {name} server did not start.")
        print(f"http://127.0.0.1:{ports['proxy']}", flush=True)
        # Readable is what has ended: the input, or a child that should live.
        select.select([sys.stdin, *(alive for _, alive in children.values())], [], [])
    finally:
        for pid, _ in children.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        shutil.rmtree(folder, ignore_errors=True)


def _listen() -> Any:
    """A socket on a free port, taken now, so that nobody else can take it."""
    listening = eventlet.listen(("127.0.0.1", 0), backlog=4096)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _draw_ring(folder: Path, name: str, port: int) -> None:
    """Say where everything of this kind is: on the one device there is."""
    builder = RingBuilder(4, 1, 0)
    place = {"region": 1, "zone": 1, "weight": 1, "device": "one", "ip": "127.0.0.1", "port": port}
    builder.add_dev(place)
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{name}.ring.gz"))


def _fork(folder: Path, name: str, listening: Any) -> tuple[int, int]:
    """A child that serves, and a pipe: a line in it once it serves, its end once it has died."""
    alive, living = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        os.close(alive)
        try:
            _die_with(parent)
            _serve(folder / f"{name}.conf", f"{name}-server", listening, living)
        except BaseException:  # noqa: BLE001 (said below; unwinding is the parent's)
            traceback.print_exc()
        os._exit(1)
    os.close(living)
    return pid, alive


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it was too late
        raise SystemExit(1)


def _serve(conf: Path, section: str, listening: Any, living: int) -> None:
    for name in ("fsync", "fdatasync"):
        setattr(os, name, lambda _: None)
    config, logger, shared, _ = check_config(str(conf), section, verbose=True)
    run_server(config, logger, listening, shared, lambda: os.write(living, b"\n"))


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
