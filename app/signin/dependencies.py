"""What the routes of sign-in come with: the provider, and parameters that are each there once."""

from typing import Annotated, NoReturn
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from app.core.context import Origin, origin
from app.core.problems import TooLarge
from app.core.requests import read_body
from app.core.runtime import Runtime, get_runtime
from app.limits.dependencies import client_address, guard
from app.signin import rules
from app.signin.problems import BadSignIn, SignInNotConfigured
from app.signin.provider import Provider
from app.signin.rules import Refusal
from app.signin.service import Asked

FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 16 * 1024
MOST_FIELDS = 32


async def the_provider(request: Request) -> Provider:
    """The provider of this server, or a 404. Anybody may ask, so an address that has failed too
    often is refused first."""
    runtime: Runtime = get_runtime(request)
    if runtime.settings.oidc_issuer is None:
        raise SignInNotConfigured(
            "This server has no OIDC provider, so nobody signs in here: come with a token. An "
            "operator sets STAGEWARD_OIDC_ISSUER and STAGEWARD_OIDC_CLIENT_ID."
        )
    guard(request)
    origin.set(Origin(request.state.request_id, client_address(request)))
    return Provider(runtime.settings, runtime.issuers)


TheProvider = Annotated[Provider, Depends(the_provider)]


async def query(request: Request) -> dict[str, str]:
    """The parameters of an address. OAuth has unknown ones be ignored, and none be there twice."""
    return _once(request.query_params.multi_items())


async def beginning(request: Request, provider: TheProvider) -> dict[str, str]:
    """The parameters of a request whose client may be answered where it says. Nobody is ever
    redirected to an address that is not allowed, not even with an error. What a page loads on its
    own, as an image say, is nobody's wish to sign in."""
    if request.headers.get("sec-fetch-dest", "document") != "document":
        _refuse("Open this address in a window of the browser.")
    asked = await query(request)
    base_url = provider.settings.base_url
    if asked.get("client_id") not in (rules.TERMINAL, rules.DOCS):
        _refuse(
            f"client_id must be {rules.TERMINAL} (a program on your machine) or {rules.DOCS}.",
            "invalid_client",
        )
    if not rules.may_redirect(asked.get("client_id"), asked.get("redirect_uri"), base_url):
        _refuse(
            f"redirect_uri of {rules.TERMINAL} must be http://127.0.0.1, http://[::1] or "
            f"http://localhost with any port and path, and of {rules.DOCS} "
            f"{base_url}{rules.DOCS_PATH}."
        )
    return asked


async def form(request: Request) -> Asked:
    """What is brought to be exchanged, as OAuth's form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        body = await read_body(request, most=MOST_FORM_BYTES) if media_type == FORM else b""
    except TooLarge:  # OAuth's answer to a bad form is its own
        body = b""
    if not body:
        _refuse(f"Send a form ({FORM}) of at most {MOST_FORM_BYTES // 1024} KiB.")
    try:
        text = body.decode("ascii")
        given = _once(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        _refuse("The form cannot be read.")
    if given.get("grant_type") != "authorization_code":
        _refuse("grant_type must be authorization_code.", "unsupported_grant_type")
    return Asked(
        *(given.get(name, "") for name in ("code", "code_verifier", "redirect_uri", "client_id"))
    )


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    given = dict(pairs)
    if len(given) != len(pairs):
        _refuse("A parameter is there twice. Send each once.")
    if any("\0" in value for value in given.values()):
        _refuse("A parameter holds the character U+0000. Remove it.")
    return given


def _refuse(detail: str, error: str = "invalid_request") -> NoReturn:
    raise BadSignIn.of(Refusal(error, detail))
