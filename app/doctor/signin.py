"""Looking at sign-in: whether the OIDC provider answers, and has what is needed."""

from typing import Any

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.doctor.findings import Findings
from app.issuers.problems import IssuerUnavailable
from app.signin.provider import CALLBACK


async def look_at_sign_in(runtime: Runtime, settings: Settings, found: Findings) -> None:
    """Ask the provider for its configuration, where one is set."""
    if settings.oidc_issuer is None:
        return
    try:
        configuration = await runtime.issuers.configuration(settings.oidc_issuer)
    except IssuerUnavailable:
        found.bad(
            f"Sign-in: {settings.oidc_issuer} does not answer as an OIDC provider does; the line "
            "above says why. STAGEWARD_OIDC_ISSUER must be exactly what it calls itself."
        )
        return
    endpoints = (configuration.authorization_endpoint, configuration.token_endpoint)
    if None in endpoints:
        found.bad(f"Sign-in: {settings.oidc_issuer} has no endpoints for people to sign in at.")
        return
    found.good(
        f"Sign-in: {settings.oidc_issuer} answers. Its redirect URI for this server is "
        f"{settings.base_url}{CALLBACK}"
    )
    _wishes(configuration.document, settings, found)


def _wishes(document: Any, settings: Settings, found: Findings) -> None:
    """What it does not say it has. It may have it all the same."""
    if "S256" not in _listed(document, "code_challenge_methods_supported"):
        found.note("Sign-in: the provider does not say that it knows PKCE (S256).")
    known = _listed(document, "scopes_supported")
    if known and (missing := sorted(set(settings.oidc_scopes.split()) - set(known))):
        found.note(f"Sign-in: the provider does not list the scopes {', '.join(missing)}.")
    known = _listed(document, "claims_supported")
    wanted = (settings.oidc_name_claim, settings.oidc_groups_claim)
    if known and (missing := [claim for claim in wanted if claim not in known]):
        found.note(f"Sign-in: the provider does not list the claims {', '.join(missing)}.")


def _listed(document: Any, name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
