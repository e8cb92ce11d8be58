"""Ceph's RADOS gateway for the tests; `python -m tests.s3.ceph` installs Debian's packages."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.s3.server import S3Server
from tests.s3.service import Service

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd")
PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool")
PROGRAM = Path(__file__).with_name("ceph_service.py")


def start() -> tuple[S3Server, Service]:
    """A server with nothing in it, on free ports of loopback."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise RuntimeError(
            f"Ceph is not installed ({', '.join(missing)} missing). Run `make test-ceph` as root "
            "on Debian, which installs it."
        )
    access_key, secret = "stageward:tests", secrets.token_hex(16)
    folder = Path(tempfile.mkdtemp(prefix="stageward-ceph-"))
    service = Service([sys.executable, "-P", PROGRAM], folder, access_key, secret)
    return S3Server(service.address, access_key, secret, kind="ceph"), service


def install() -> None:
    """Install what is missing. `SystemExit` with what to do where that cannot be done here."""
    if all(shutil.which(name) for name in PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit(
            f"The tests against Ceph need the Debian packages {', '.join(PACKAGES)}. Run `make "
            "test-ceph` as root on Debian, which installs them, or install them first."
        )
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
    ):
        if subprocess.run(command, env=quietly, check=False).returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed; the lines above say why.")


if __name__ == "__main__":
    install()
