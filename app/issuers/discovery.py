"""Asking an issuer over the network: the one file of this room that leaves the process.

An answer may take ten seconds and half a MiB; it is JSON, comes from the address that was asked
(no redirects), over TLS, and is never decompressed.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx
import structlog

from app.core.problems import Problem
from app.core.requests import parse_strictly
from app.issuers.addresses import fault_of, fault_of_issuer
from app.issuers.problems import RETRY_SECONDS, IssuerUnavailable

MOST_BYTES = 512 * 1024
MOST_KEYS = 64
SECONDS = 10
TIMEOUT = httpx.Timeout(5, connect=3)
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
WELL_KNOWN = "/.well-known/openid-configuration"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an issuer says of itself; `document` is all of it."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None
    token_endpoint: str | None
    document: Mapping[str, Any]


class Discovery:
    """Fetches an issuer's configuration and keys. Keeps nothing but its connections."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """`ca_file`: certificates to trust besides those of the system."""
        self._ca_file = ca_file
        self._client: httpx.AsyncClient | None = None

    async def configuration(self, issuer: str) -> Configuration:
        """The issuer's configuration, which must be of exactly this issuer."""
        if fault := fault_of_issuer(issuer):
            _fail(issuer, f"the issuer {fault}")
        document = await self._get(issuer, issuer.rstrip("/") + WELL_KNOWN)
        if document.get("issuer") != issuer:
            _fail(issuer, "its configuration is of another issuer")
        for name in ("jwks_uri", "authorization_endpoint", "token_endpoint"):
            url = document.get(name)
            fault = fault_of(url, named_by=issuer)
            if fault and (name == "jwks_uri" or url is not None):
                _fail(issuer, f"its {name} {fault}")
        return Configuration(
            issuer,
            document["jwks_uri"],
            document.get("authorization_endpoint"),
            document.get("token_endpoint"),
            document,
        )

    async def keys(self, configuration: Configuration) -> list[dict[str, Any]]:
        """The keys that the issuer publishes now."""
        document = await self._get(configuration.issuer, configuration.jwks_uri)
        keys = document.get("keys")
        if not isinstance(keys, list):
            _fail(configuration.issuer, "its keys are not a list")
        if len(keys) > MOST_KEYS:
            _fail(configuration.issuer, f"it has more than {MOST_KEYS} keys")
        return [key for key in keys if isinstance(key, dict)]

    async def post_form(
        self,
        configuration: Configuration,
        url: str,
        form: Mapping[str, str],
        auth: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send a form to an endpoint of the issuer; the status, and the object it answers."""
        given = None if auth is None else httpx.BasicAuth(*auth)
        request = self._opened().build_request("POST", url, data=dict(form), headers=HEADERS)
        return await self._ask(configuration.issuer, request, given)

    async def get_as(
        self, configuration: Configuration, url: str, token: str
    ) -> tuple[int, dict[str, Any]]:
        """Ask an endpoint of the issuer with a token of its own; as `post_form`."""
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        request = self._opened().build_request("GET", url, headers=headers)
        return await self._ask(configuration.issuer, request)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _get(self, issuer: str, url: str) -> dict[str, Any]:
        request = self._opened().build_request("GET", url, headers=HEADERS)
        status, document = await self._ask(issuer, request)
        if status != 200:
            _fail(issuer, f"it answers {status}")
        return document

    async def _ask(
        self, issuer: str, request: httpx.Request, auth: httpx.Auth | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request and its whole answer, bounded; or the problem, with the reason logged."""
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._opened().send(request, stream=True, auth=auth)
                try:
                    body = await _read(issuer, answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            _fail(issuer, f"{type(error).__name__}: {str(error)[:200]}", error)
        return answer.status_code, _object(issuer, body)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            context = ssl.create_default_context()
            if self._ca_file is not None:
                context.load_verify_locations(cafile=self._ca_file)
            self._client = httpx.AsyncClient(
                verify=context, trust_env=False, follow_redirects=False, timeout=TIMEOUT
            )
        return self._client


async def _read(issuer: str, answer: httpx.Response) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        _fail(issuer, "its answer is compressed")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            _fail(issuer, f"its answer is longer than {MOST_BYTES // 1024} KiB")
    return bytes(body)


def _object(issuer: str, body: bytes) -> dict[str, Any]:
    try:
        found = parse_strictly(body)
    except Problem as problem:
        _fail(issuer, "its answer is not JSON that can be read", problem)
    if not isinstance(found, dict):
        _fail(issuer, "its answer is not a JSON object")
    return found


def _fail(issuer: str, reason: str, cause: Exception | None = None) -> NoReturn:
    """The reason is for the operator: who asks may be anybody."""
    log.warning("issuer_unavailable", issuer=issuer[:200], reason=reason)
    raise IssuerUnavailable(
        "The issuer cannot be asked at this moment, or does not answer as an issuer does. "
        "The server's log says why.",
        retry_after=RETRY_SECONDS,
    ) from cause
