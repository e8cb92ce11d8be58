"""`python -m app doctor` as an operator runs it: beside a registry, with a directory of blobs."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.blobs import service as blobs
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime
from tests.blobs.conftest import sha256_of
from tests.blobs.registry import Registry, Sql, registry_over
from tests.waiting import SECONDS, until

BODY = b"weights " * 10_000
SHA = sha256_of(BODY)
SECRET = "a-secret-key-for-tests-0123456789"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
async def registry(
    app: FastAPI, runtime: Runtime, sql: Sql, database_url: str, tmp_path: Path
) -> AsyncIterator[Registry]:
    """A registry whose blobs are in a directory of their own."""
    settings = Settings(data_dir=tmp_path, database_url=database_url, secret_key=SECRET)
    own = build_runtime(settings, database_url)
    await own.store.prepare()
    async with registry_over(own.store, runtime, sql) as registry:
        yield registry
    await own.store.close()
    await own.db.close()


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
    environment |= {
        "STAGEWARD_DATABASE_URL": database_url,
        "STAGEWARD_LISTEN_URL": database_url,
        "STAGEWARD_SECRET_KEY": SECRET,
        "STAGEWARD_DATA_DIR": str(tmp_path),
    }

    def one(*options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "app", "doctor", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return one


@pytest.fixture
def doctor(start: Callable[..., "subprocess.Popen[str]"]) -> Run:
    """Its exit code, and what it said."""

    def run(*options: str) -> tuple[int, str]:
        process = start(*options)
        said, _ = process.communicate(timeout=SECONDS)
        assert "Traceback" not in said, said
        return process.returncode, said

    return run


async def test_the_exit_code_says_whether_all_is_well(registry: Registry, doctor: Run) -> None:
    await registry.keep(BODY)
    await registry.keep(b"let go", "gone")
    await registry.release("gone")
    await registry.let_pass("unreferenced_since", "2 days", sha256_of(b"let go"))
    code, said = doctor()
    assert (code, said.count("WRONG")) == (0, 0), said
    assert "Store and database agree, by number and size" in said

    await registry.store.delete(sha256_of(b"let go"))
    await registry.put_behind(SHA, BODY[:-1] + b"?")
    assert doctor()[0] == 1
    code, said = doctor("--fix")
    assert code == 0, said
    assert "nothing names it: removed." in said
    code, said = doctor("--deep")
    assert code == 1
    assert f"WRONG  Blob {SHA} is altered" in said
    assert "needed by churn 1." in said
    assert await registry.damage_of(SHA) is None

    assert doctor("--deep", "--fix")[0] == 1
    assert await registry.damage_of(SHA) == "altered"
    await registry.keep(BODY, "again")
    code, said = doctor("--deep", "--fix")
    assert code == 0, said
    assert "every byte is what it was" in said


async def test_it_may_be_killed_and_begins_again(
    registry: Registry, start: Callable[..., "subprocess.Popen[str]"], doctor: Run, tmp_path: Path
) -> None:
    bodies = [f"{number}".encode() * 1000 for number in range(30)]
    for number, body in enumerate(bodies):
        await registry.keep(body, f"{number}")
        await registry.release(f"{number}")
    digests = [sha256_of(body) for body in bodies]
    for sha256 in digests:
        await registry.put_behind(sha256, b"?")
    await registry.let_pass("unreferenced_since", "2 days", *digests)

    def left() -> int:
        return sum(path.is_file() for path in (tmp_path / "store" / "blobs").rglob("*"))

    killed = start("--fix")
    until(lambda: left() < 30, what="the doctor to have removed a blob")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    await registry.let_pass("doomed_at", "6 minutes", *digests)
    for _ in range(2):
        code, said = doctor("--fix")
        assert code == 0, said
    await blobs.sweep(registry.runtime.db, registry.store)  # what it was at when it was killed
    found = await registry.sql.execute("select count(*) from blobs")
    assert await found.fetchone() == (0,)
    assert left() == 0
    told = [(action, details.get("why")) for action, details in await registry.told()]
    assert told.count(("blob.removed", "truncated")) == 30  # each once, whoever ended it


async def test_a_command_line_that_means_nothing_is_refused(doctor: Run) -> None:
    code, said = doctor("--everything")
    assert code == 2
    assert "--everything" in said
