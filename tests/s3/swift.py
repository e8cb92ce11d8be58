"""OpenStack Swift for the tests, from the environment that `make test` makes."""

import os
import secrets
import tempfile
from pathlib import Path

from tests.s3.server import S3Server
from tests.s3.service import Service

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".run" / "swift" / "bin" / "python"
PROGRAM = Path(__file__).with_name("swift_service.py")


def start() -> tuple[S3Server, Service]:
    """A server with nothing in it, on free ports of loopback."""
    if not PYTHON.exists():
        raise RuntimeError(
            "The S3 server of the tests is not installed. Run `make test` once, which installs it "
            "(or `python3 requirements/sync.py swift`)."
        )
    access_key, secret = "stageward:tests", secrets.token_hex(16)
    # -P: this folder has modules of its own under Swift's name.
    service = Service([PYTHON, "-P", PROGRAM], folder_for_objects(), access_key, secret)
    return S3Server(service.address, access_key, secret, kind="swift"), service


def folder_for_objects() -> Path:
    """A new folder where files can bear extended attributes: Swift keeps what it knows of an object
    in them."""
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), ROOT / ".run"]
    for candidate in candidates:
        try:
            folder = Path(tempfile.mkdtemp(prefix="stageward-swift-", dir=candidate))
        except OSError:
            continue
        try:
            os.setxattr(folder, "user.stageward", b"x" * 4000)
        except OSError:
            folder.rmdir()
            continue
        return folder
    raise RuntimeError(
        f"No place for the S3 server of the tests: none of {', '.join(map(str, candidates))} is "
        "writable and on a file system with extended attributes of users (ext4, xfs, btrfs; tmpfs "
        "from Linux 6.6 on). Name such a folder in TMPDIR."
    )
