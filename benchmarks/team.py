"""The people of a measurement: one who trains, one who reviews, and what they do by HTTP."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.servers import Server


class Refused(Exception):
    """The server did not do what the measurement needs."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token of their own, who is not the admin."""

    server: Server
    name: str
    token: str

    def call(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The JSON of an answer that has the expected status."""
        answer = self.ask(method, path, body, expect=expect)
        return answer.json() if answer.content else None

    def ask(
        self, method: str, path: str, body: Any = None, *, expect: int | None = 200
    ) -> httpx.Response:
        """The answer, if it has the expected status; any where none is expected."""
        answer = httpx.request(
            method,
            f"{self.server.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=600,  # a store may take its time over many parts
        )
        if expect is not None and answer.status_code != expect:
            raise Refused(f"{method} {path} answered {answer.status_code}: {answer.text[:1000]}")
        return answer

    def get(self, path: str, *, headers: tuple[str, ...] = ()) -> bytes:
        """The bytes of a GET, for the load generator."""
        return self._request("GET", path, headers, b"")

    def post(self, path: str, body: bytes) -> bytes:
        """The bytes of a POST with a JSON body, for the load generator."""
        return self._request("POST", path, ("Content-Type: application/json",), body)

    def _request(self, method: str, path: str, headers: tuple[str, ...], body: bytes) -> bytes:
        lines = [
            f"{method} /api/v1{path} HTTP/1.1",
            "Host: bench",
            f"Authorization: Bearer {self.token}",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def hire(server: Server, name: str, role: str, scopes: list[str]) -> Person:
    """A person with a role on every model, and a token that the admin issued."""
    admin = Person(server, "admin", server.token)
    admin.call("POST", "/identities", {"name": name, "kind": "user"}, expect=201)
    admin.call("PUT", "/grants", {"subject": name, "role": role, "models": "*"}, expect=201)
    wanted = {"name": "bench", "identity": name, "scopes": scopes}
    issued = admin.call("POST", "/tokens", wanted, expect=201)
    return Person(server, name, issued["secret"])


def trainer(server: Server) -> Person:
    """Whoever registers and asks, and sends every request that is measured."""
    return hire(server, "trainer", "contributor", ["write"])


def reviewer(server: Server) -> Person:
    """Whoever approves."""
    return hire(server, "reviewer", "reviewer", ["review"])


def put_in_production(asking: Person, approving: Person, model: str, number: int) -> None:
    """none → staging → production, as everybody has to."""
    asked = f"/models/{quote(model, safe='')}/versions/{number}/promotions"
    staged = {"to": "staging", "reason": "To be measured.", "apply": True}
    asking.call("POST", asked, staged, expect=201)
    wanted = {"to": "production", "reason": "To be measured."}
    here = f"/promotions/{asking.call('POST', asked, wanted, expect=201)['id']}"
    approving.call("POST", f"{here}/reviews", {"decision": "approve"}, expect=201)
    asking.call("POST", f"{here}/apply")
