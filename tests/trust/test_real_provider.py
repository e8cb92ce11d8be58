"""The exchange with tokens of a real OIDC provider."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.actors import Api
from tests.factories import problem
from tests.oidc.canaille import Canaille, log_in
from tests.signin.person import BACK, challenge_of
from tests.trust.conftest import Exchange, wanted

CLIENT = "a-ci-platform"


@pytest.fixture(scope="module")
def provider() -> Iterator[Canaille]:
    found = Canaille()
    try:
        found.client(CLIENT, BACK)
        found.person("robot", groups=["pipelines"])
        yield found
    finally:
        found.stop()


async def id_token(provider: Canaille) -> str:
    """What the provider signs for the robot."""
    verifier = secrets.token_urlsafe(48)
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as browser:
        well_known = f"{provider.issuer}/.well-known/openid-configuration"
        said = (await browser.get(well_known)).json()
        asked = httpx.QueryParams(
            response_type="code",
            client_id=CLIENT,
            redirect_uri=BACK,
            scope="openid profile groups",
            state="s",
            nonce=secrets.token_urlsafe(8),
            code_challenge=challenge_of(verifier),
            code_challenge_method="S256",
        )
        back = httpx.URL(
            await log_in(browser, f"{said['authorization_endpoint']}?{asked}", "robot")
        )
        form = {"grant_type": "authorization_code", "code": back.params["code"]}
        form |= {"redirect_uri": BACK, "client_id": CLIENT, "code_verifier": verifier}
        answer = await browser.post(said["token_endpoint"], data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id_token"])


async def test_a_token_that_a_provider_signed_is_exchanged(
    admin: Api, bot: Api, provider: Canaille, exchange: Exchange
) -> None:
    rules = {"groups": "pipe*", "sub": "*"}
    asked = wanted(provider.issuer, audience=CLIENT, claims={**rules, "groups": "nobody"})
    assert (await admin.post("/trust", asked)).status_code == 201
    token = await id_token(provider)
    tried = (await admin.post("/trust/churn-ci/test", {"token": token})).json()
    assert tried["problem"] is None, tried
    values = {one["claim"]: one["values"] for one in tried["claims"]}
    assert values["groups"] == ["pipelines"]
    problem(await exchange(token), 403, "not-trusted")
    rules["sub"] = values["sub"][0]
    assert (await admin.patch("/trust/churn-ci", {"claims": rules})).status_code == 200
    given = await exchange(token)
    assert given.status_code == 201, given.text
    assert (await Api(admin.http, given.json()["secret"], "ci").get("/me")).json()["name"] == "ci"
    problem(await exchange(token), 401, "assertion-used")
    head, body, _ = token.split(".")
    other = (await id_token(provider)).split(".")
    problem(await exchange(f"{head}.{body}.{other[2]}"), 401, "bad-assertion")
