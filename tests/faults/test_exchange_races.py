"""Exchanges against each other and against the end of their trust, at two servers.

Few enough that the refused ones stay below the limit of failed logins of one address.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.actors import API, Api
from tests.faults.racing import Ring
from tests.oidc.issuer import Issuer, issuing
from tests.waiting import eventually

FITTING = {"aud": "ring", "repository": "acme/churn"}
NUMBERS = count(1)
Trusted = tuple[Issuer, dict[str, Any]]


@pytest.fixture
async def trusted(ring: Ring, tmp_path: Path) -> AsyncIterator[Trusted]:
    """An issuer, and a trust in it that `ci`'s tokens come of."""
    with issuing(tmp_path / "issuer") as issuer:
        body = {"name": f"trust-{next(NUMBERS)}", "issuer": issuer.url, "audience": "ring"}
        body |= {"identity": "ci", "claims": {"repository": "acme/churn"}, "scopes": ["read"]}  # type: ignore[dict-item]
        made = await ring.here.admin.post("/trust", body)
        assert made.status_code == 201, made.text
        yield issuer, body


async def exchange(api: Api, token: str) -> httpx.Response:
    return await api.http.post(f"{API}/auth/exchange", json={"token": token})


async def test_a_token_is_taken_once_whichever_server_it_is_brought_to(
    ring: Ring, trusted: Trusted
) -> None:
    issuer, _ = trusted
    for _ in range(3):
        token = issuer.token(**FITTING)
        answers = await asyncio.gather(
            *(exchange(api, token) for api in (ring.here.ci, ring.there.ci) for _ in range(2))
        )
        assert Counter(answer.status_code for answer in answers) == {201: 1, 401: 3}


async def test_what_was_exchanged_at_one_server_ends_at_the_other_with_the_trust(
    ring: Ring, trusted: Trusted
) -> None:
    issuer, body = trusted
    given = (await exchange(ring.here.ci, issuer.token(**FITTING))).json()
    there = Api(ring.there.ci.http, given["secret"], "ci")
    assert (await there.get("/me")).status_code == 200
    assert (await ring.here.admin.delete(f"/trust/{body['name']}")).status_code == 204
    await _ends(there)


async def test_no_token_outlives_a_trust_that_is_deleted_while_it_is_exchanged(
    ring: Ring, trusted: Trusted
) -> None:
    issuer, body = trusted
    seen = Counter[int]()
    for turn in range(5):
        if turn:
            assert (await ring.here.admin.post("/trust", body)).status_code == 201
        tokens = [issuer.token(**FITTING) for _ in range(3)]
        gone, *answers = await asyncio.gather(
            ring.here.admin.delete(f"/trust/{body['name']}"),
            *(exchange(ring.there.ci, token) for token in tokens),
        )
        assert gone.status_code == 204, gone.text
        for answer in answers:
            assert answer.status_code in (201, 403), answer.text
            seen[answer.status_code] += 1
            if answer.status_code == 201:
                await _ends(Api(ring.here.ci.http, answer.json()["secret"], "ci"))
    assert sum(seen.values()) == 15


async def _ends(api: Api) -> None:
    async def ended() -> bool:
        return (await api.get("/me")).status_code == 401

    await eventually(ended, what="the token to end")
