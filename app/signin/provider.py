"""Asking the team's OIDC provider: the one file of this room that leaves the process.

It goes through `issuers`, whose bounds on time, size and addresses hold here too. No transaction is
open meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import structlog

from app.core.settings import Settings
from app.issuers.addresses import fault_of
from app.issuers.problems import BadAssertion
from app.issuers.service import Configuration, Issuers, IssuerUnavailable
from app.signin import rules
from app.signin.rules import Person, Refusal

CALLBACK = "/api/v1/auth/callback"
DOWN = "The provider cannot be asked at this moment. Sign in again in a minute."
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider of the settings, which name one."""

    settings: Settings
    issuers: Issuers

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return self.settings.oidc_issuer or ""

    @property
    def redirect_uri(self) -> str:
        """Where it sends people back to."""
        return self.settings.base_url + CALLBACK

    async def address(self, state: str) -> str:
        """Where a person goes to sign in, for a state of ours."""
        configuration = await self._configuration()
        if configuration.authorization_endpoint is None:
            raise Refusal("temporarily_unavailable", DOWN)
        key = self.settings.signing_key
        return rules.with_query(
            configuration.authorization_endpoint,
            response_type="code",
            client_id=self.settings.oidc_client_id,
            redirect_uri=self.redirect_uri,
            scope=self.settings.oidc_scopes,
            state=state,
            nonce=rules.nonce_of(state, key),
            code_challenge=rules.challenge_of(rules.verifier_of(state, key)),
            code_challenge_method="S256",
        )

    async def check_answer(self, answer: Mapping[str, str]) -> None:
        """Refuse an answer that is another provider's (RFC 9207), or that says no."""
        configuration = await self._configuration()
        says = configuration.document.get("authorization_response_iss_parameter_supported") is True
        if answer.get("iss", None if says else self.issuer) != self.issuer:
            raise Refusal("server_error", "The answer is not of the provider that was asked (iss).")
        if error := answer.get("error"):
            said = answer.get("error_description") or error
            passed = error if error in rules.PASSED_ON else "server_error"
            raise Refusal(passed, f"The provider says: {said[:300]}")
        if not 1 <= len(answer.get("code", "")) <= 4096:
            raise Refusal("server_error", "The provider sent no code.")

    async def person(self, code: str, state: str) -> Person:
        """Who signed in, as the provider tells in exchange for its code."""
        configuration = await self._configuration()
        granted = await self._exchange(configuration, code, state)
        nonce = rules.nonce_of(state, self.settings.signing_key)
        client_id = self.settings.oidc_client_id or ""
        try:
            id_token = str(granted.get("id_token") or "")
            claims = await self.issuers.verify(id_token, self.issuer, client_id, nonce=nonce)
        except BadAssertion as problem:
            log.warning("sign_in_refused", reason=problem.detail)
            raise Refusal("server_error", f"The provider's token: {problem.detail}") from problem
        except IssuerUnavailable as problem:
            raise Refusal("temporarily_unavailable", DOWN) from problem
        claims = await self._completed(configuration, claims, granted.get("access_token"))
        own = self.settings
        return rules.person(claims, self.issuer, own.oidc_name_claim, own.oidc_groups_claim)

    async def _configuration(self) -> Configuration:
        try:
            return await self.issuers.configuration(self.issuer)
        except IssuerUnavailable as problem:
            raise Refusal("temporarily_unavailable", DOWN) from problem

    async def _exchange(
        self, configuration: Configuration, code: str, state: str
    ) -> dict[str, Any]:
        form, basic = self._credentials(configuration)
        form |= {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": rules.verifier_of(state, self.settings.signing_key),
        }
        endpoint = configuration.token_endpoint
        try:
            if endpoint is None:
                raise Refusal("temporarily_unavailable", DOWN)
            asking = self.issuers.discovery.post_form(configuration, endpoint, form, basic)
            status, granted = await asking
        except IssuerUnavailable as problem:
            raise Refusal("temporarily_unavailable", DOWN) from problem
        if status != 200:
            said = str(granted.get("error"))[:100]
            log.warning("sign_in_code_refused", status=status, error=said)
            raise Refusal("server_error", f"The provider did not take its own code back: {said}.")
        return granted

    def _credentials(
        self, configuration: Configuration
    ) -> tuple[dict[str, str], tuple[str, str] | None]:
        """How this service says who it is: in the header, or in the form where the provider takes
        it only there, or has not given it a secret."""
        client_id = self.settings.oidc_client_id or ""
        if self.settings.oidc_client_secret is None:
            return {"client_id": client_id}, None
        secret = self.settings.oidc_client_secret.get_secret_value()
        ways = configuration.document.get("token_endpoint_auth_methods_supported")
        if isinstance(ways, list) and "client_secret_basic" not in ways:
            return {"client_id": client_id, "client_secret": secret}, None
        return {}, (quote_plus(client_id), quote_plus(secret))

    async def _completed(
        self, configuration: Configuration, claims: dict[str, Any], token: object
    ) -> dict[str, Any]:
        """The claims, with those of the userinfo endpoint where the token lacks some."""
        wanted = (self.settings.oidc_name_claim, self.settings.oidc_groups_claim, "email")
        endpoint = configuration.document.get("userinfo_endpoint")
        if not rules.lacks(claims, wanted) or endpoint is None:
            return claims
        if not rules.is_bearer(token):
            raise Refusal("server_error", "The provider's access token cannot be used.")
        try:
            if fault_of(endpoint, named_by=self.issuer):
                raise Refusal("temporarily_unavailable", DOWN)
            told = await self.issuers.discovery.get_as(configuration, endpoint, str(token))
        except IssuerUnavailable as problem:
            raise Refusal("temporarily_unavailable", DOWN) from problem
        return rules.completed(claims, *told)
