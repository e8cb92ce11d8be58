"""The process of a test's issuer: answers what a file says, and writes down what it was asked.

`python -m tests.oidc.issuing FOLDER`; the folder's `state.json` is read anew for each request.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


class Handler(BaseHTTPRequestHandler):
    """Discovery and keys, in whatever mood the state says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with (FOLDER / "asked.txt").open("a") as asked:
            asked.write(self.path + "\n")
        state = json.loads((FOLDER / "state.json").read_text())
        mood = state["mood"].get(self.path, "well")
        if mood == "well":
            self.answer(200, json.dumps(state["documents"].get(self.path, {})).encode())
        elif mood == "down":
            self.answer(503, b"")
        elif mood == "redirect":
            self.answer(302, b"", Location=state["elsewhere"])
        elif mood == "huge":
            self.answer(200, b'{"keys": [' + b" " * 10_000_000 + b"]}")
        elif mood == "compressed":
            self.answer(200, b"{}", **{"Content-Encoding": "gzip"})
        elif mood == "garbage":
            self.answer(200, b"<html>")
        elif mood == "slow":
            self.dribble()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client had enough

    def dribble(self) -> None:
        """A byte now and then, until the client goes away."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for _ in range(100_000):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing to the test's output."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    (FOLDER / "port.new").write_text(str(server.server_port))
    (FOLDER / "port.new").rename(FOLDER / "port.txt")
    server.serve_forever()
