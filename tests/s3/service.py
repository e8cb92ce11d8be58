"""A server of the tests' own, in a process that ends when the tests do."""

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SECONDS = 120.0  # a busy machine is no failure


class Service:
    """A program that keeps all in one folder, prints its address once it serves, and serves until
    its input ends; then it removes the folder.

    The kernel ends the input when this process dies, by whatever means, so nothing is left behind.
    """

    def __init__(self, command: Sequence[str | Path], folder: Path, *arguments: str) -> None:
        """Start it and wait until it serves. `RuntimeError` with what it said if it does not."""
        self.folder = folder
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as this does)
        self._process = subprocess.Popen(
            [*command, folder, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            start_new_session=True,  # an interrupt is for pytest, which ends this in its own time
        )
        self.address = self._first_line()
        if not self.address:
            self._end()
            said = self._said()
            self._log.close()
            raise RuntimeError(f"{Path(command[-1]).name} did not start:\n{said}")

    def stop(self) -> None:
        """End it, and wait until it has cleaned up."""
        self._end()
        self._log.close()

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)  # a program that failed early did not

    def _said(self) -> str:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 10_000))
        return self._log.read().decode(errors="replace")

    def _first_line(self) -> str:
        said = self._process.stdout
        assert said is not None
        ready, _, _ = select.select([said], [], [], SECONDS)
        return said.readline().decode().strip() if ready else ""
