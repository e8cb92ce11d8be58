"""The same question to both servers: as bytes for the load generator, and to be looked at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from benchmarks.harness import Case
from benchmarks.servers import Target
from benchmarks.team import Person, Refused

THEIR_PATH = "/api/2.0/mlflow"


@dataclass(frozen=True, slots=True)
class Theirs:
    """A client of MLflow's REST API."""

    target: Target

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that succeeded."""
        answer = httpx.request(
            method, f"{self.target.url}{THEIR_PATH}{path}", json=body, timeout=600
        )
        if not answer.is_success:
            raise Refused(f"{method} {path} answered {answer.status_code}: {answer.text[:1000]}")
        return answer.json()


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its address below the API's, and its body where it has one."""

    path: str
    body: Mapping[str, Any] | None = None
    headers: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    def to_us(self, person: Person) -> bytes:
        """Its bytes, with a token."""
        if self.body is None:
            return person.get(self.path, headers=self.headers)
        return person.post(self.path, json.dumps(self.body).encode())

    def to_them(self) -> bytes:
        """Its bytes; MLflow asks for nobody's name, and only for a host that it knows."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [f"{self.method} {THEIR_PATH}{self.path} HTTP/1.1", "Host: 127.0.0.1"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class Duel:
    """The same questions to both: `ours` in turn, and `theirs` in turn; `status` is what ours must
    answer, theirs is always 200."""

    name: str
    ours: Sequence[Request]
    theirs: Sequence[Request]
    status: int = 200

    def our_case(self, person: Person) -> Case:
        """As the harness takes it."""
        return Case(self.name, [each.to_us(person) for each in self.ours], self.status)

    def their_case(self) -> Case:
        """As the harness takes it."""
        return Case(self.name, [each.to_them() for each in self.theirs])


def by_stage(title: str, models: Sequence[str]) -> Duel:
    """Which version is in production?"""
    return Duel(
        title,
        [Request(f"/models/{quote(name)}/versions/production") for name in models],
        [
            Request(
                "/registered-models/get-latest-versions", {"name": name, "stages": ["Production"]}
            )
            for name in models
        ],
    )


def by_alias(title: str, models: Sequence[str]) -> Duel:
    """Which version is `champion`?"""
    return Duel(
        title,
        [Request(f"/models/{quote(name)}/versions/@champion") for name in models],
        [
            Request("/registered-models/alias?" + urlencode({"name": name, "alias": "champion"}))
            for name in models
        ],
    )


def pages(name: str, asked: Sequence[tuple[str, str, str | None]]) -> Duel:
    """Fifty versions, the newest first, by (our filter, theirs, the model or none for all)."""
    return Duel(
        name,
        [_our_page(ours, model) for ours, _, model in asked],
        [_their_page(theirs, model) for _, theirs, model in asked],
    )


def _our_page(wanted: str, model: str | None) -> Request:
    query = {"limit": "50"} | ({"filter": wanted} if wanted else {})
    if model is None:
        return Request("/versions?" + urlencode(query))
    return Request(f"/models/{quote(model)}/versions?" + urlencode(query))


def _their_page(wanted: str, model: str | None) -> Request:
    named = [f"name = '{model}'"] if model else []
    query = {
        "filter": " AND ".join([*named, *([wanted] if wanted else [])]),
        "max_results": "50",
        "order_by": "creation_timestamp DESC",
    }
    return Request("/model-versions/search?" + urlencode(query))
