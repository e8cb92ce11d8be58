"""The routes of sign-in, and of which account is which identity."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core.actor import Actor
from app.core.problems import (
    Conflict,
    InternalError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading, Transaction
from app.edge.routing import api_router
from app.limits.dependencies import began
from app.signin import service
from app.signin.dependencies import FORM, TheProvider, beginning, form, query
from app.signin.problems import AccountLinked, BadSignIn, SignInNotConfigured
from app.signin.rules import DOCS, TERMINAL, Refusal
from app.signin.schemas import LinkInput, LinkOutput, Links, SignedIn

public = APIRouter(prefix="/api/v1/auth", tags=["Sign-in"])
guarded = api_router("Sign-in")
ALWAYS = (SignInNotConfigured, BadSignIn, TooManyRequests, InternalError, Unavailable)
SEE_OTHER: dict[int | str, dict[str, Any]] = {
    302: {"description": "Where the browser goes on to (`Location`)."},
    **responses(*ALWAYS),
}


def _asked(name: str, description: str, example: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string", "examples": [example]}
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


BEGINNING = [
    _asked("response_type", "Always `code`.", "code"),
    _asked(
        "client_id", f"`{TERMINAL}` for a program on your machine, `{DOCS}` for /docs.", TERMINAL
    ),
    _asked(
        "redirect_uri",
        "Where the code is brought: `http://127.0.0.1`, `http://[::1]` or `http://localhost`, any "
        "port and path, without a query; for /docs its own page.",
        "http://127.0.0.1:8765/",
    ),
    _asked(
        "code_challenge",
        "The SHA-256 of a verifier of yours (43 to 128 letters, digits, `-._~`), in base64url.",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    ),
    _asked("code_challenge_method", "Always `S256`.", "S256"),
    _asked("state", "Comes back as it is: 512 ASCII characters at most.", "af0ifjsldkj"),
    _asked(
        "scope",
        "What the token may be used for, with spaces between: `read`, `write`, `review`, `admin`. "
        "Left out, all but `admin`.",
        "read write review",
        required=False,
    ),
]
BEGINNING[5]["required"] = False
RETURNING = [
    _asked("state", "Ours, which the provider was asked with.", "9f86d081884c7d65"),
    _asked("code", "The provider's code.", "SplxlOBeZQQYbYS6WxSbIA", required=False),
    _asked("error", "The provider's refusal.", "access_denied", required=False),
    _asked("error_description", "And why.", "Consent was denied.", required=False),
    _asked("iss", "Who the provider is.", "https://id.example.org", required=False),
]
_TEXT = {"type": "string"}
TOKEN_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": [
                        "grant_type",
                        "code",
                        "code_verifier",
                        "redirect_uri",
                        "client_id",
                    ],
                    "properties": {
                        "grant_type": {**_TEXT, "const": "authorization_code"},
                        "code": {**_TEXT, "description": "The code, which is good for a minute."},
                        "code_verifier": {
                            **_TEXT,
                            "description": "What `code_challenge` is the SHA-256 of.",
                        },
                        "redirect_uri": {**_TEXT, "description": "As at the start."},
                        "client_id": {**_TEXT, "description": "As at the start."},
                    },
                }
            }
        },
    }
}


@public.get(
    "/authorize",
    status_code=302,
    summary="Begin to sign in",
    operation_id="signin.authorize",
    response_class=RedirectResponse,
    responses=SEE_OTHER,
    openapi_extra={"parameters": BEGINNING},
)
async def authorize(
    asked: Annotated[dict[str, str], Depends(beginning)],
    provider: TheProvider,
    runtime: CurrentRuntime,
    request: Request,
) -> RedirectResponse:
    """Open this address in a browser: it leads to the team's OIDC provider and, once the person
    has signed in there, to `redirect_uri` with a `code` for `POST /auth/token`, or with `error`
    and `error_description`. OAuth 2 with PKCE (RFC 6749, 7636); the answer names this server in
    `iss` (RFC 9207). No cookie is set."""
    await began(request)
    return _go(await service.begin(runtime.db, provider, asked))


@public.get(
    "/callback",
    status_code=302,
    summary="Come back from the provider",
    operation_id="signin.callback",
    response_class=RedirectResponse,
    responses=SEE_OTHER,
    openapi_extra={"parameters": RETURNING},
)
async def callback(
    provider: TheProvider,
    answer: Annotated[dict[str, str], Depends(query)],
    runtime: CurrentRuntime,
) -> RedirectResponse:
    """Where the provider sends the browser. Register this address there as the redirect URI of
    Stageward; nobody else has a use for it."""
    # What is not known here does not count as a failed login, nor does a code: nobody guesses 256
    # random bits, and a web page could have its visitors fail until none behind their address can
    # come in.
    return _go(await service.come_back(runtime.db, provider, answer))


@public.post(
    "/token",
    summary="Exchange a code for a token",
    operation_id="signin.token",
    responses=responses(*ALWAYS),
    openapi_extra=TOKEN_FORM,
)
async def token(
    provider: TheProvider,
    asked: Annotated[service.Asked, Depends(form)],
    runtime: CurrentRuntime,
    response: Response,
) -> SignedIn:
    """The end of a sign-in: a token of yours that lives an hour, or as long as the operator set.
    A code is good once and for a minute; a second use ends the token that it gave."""
    try:
        signed_in = await service.use_code(runtime.db, provider.settings, asked)
    except Refusal as refusal:
        raise BadSignIn.of(refusal) from refusal
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return signed_in


def _go(address: str) -> RedirectResponse:
    # The code is in the address: no `Referer` tells it on, and no cache keeps it.
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(address, status_code=302, headers=headers)


IdentityPath = Annotated[
    str, Path(description="The identity's name, as written.", examples=["alice"])
]
Manager = Annotated[Actor, Depends(Allowed(Permission.IDENTITIES_MANAGE))]


@guarded.get(
    "/identities/{name}/links",
    summary="List the accounts of an identity",
    operation_id="identities.links",
    responses=responses(NotFound, NotAllowed),
)
async def list_links(name: IdentityPath, _: Manager, session: Reading) -> Links:
    """The accounts at an OIDC provider that are this person. Takes an admin."""
    return await service.links(session, name)


@guarded.put(
    "/identities/{name}/links",
    summary="Link an account to an identity",
    operation_id="identities.link",
    responses={
        **responses(NotFound, NotAllowed, AccountLinked, Conflict, InvalidRequest),
        201: {"description": "The link is new."},
    },
)
async def link_account(
    name: IdentityPath,
    wanted: LinkInput,
    actor: Manager,
    session: Transaction,
    response: Response,
) -> LinkOutput:
    """Have whoever signs in with this account be this person. Needed where the first sign-in
    cannot tell: the name is taken, or several have the address. Takes an admin."""
    link, is_new = await service.link(session, actor, name, wanted)
    response.status_code = 201 if is_new else 200
    return link


@guarded.delete(
    "/identities/{name}/links",
    status_code=204,
    summary="Remove an account's link",
    operation_id="identities.unlink",
    responses=responses(NotFound, NotAllowed, InvalidRequest),
)
async def unlink_account(
    name: IdentityPath,
    actor: Manager,
    session: Transaction,
    issuer: Annotated[
        str,
        Query(max_length=1000, description="The provider.", examples=["https://id.example.org"]),
    ],
    subject: Annotated[
        str, Query(max_length=255, description="The account there.", examples=["f3a1c2d4"])
    ],
) -> None:
    """Have the account no longer be this person. Tokens of earlier sign-ins live on to their end,
    which is near; disable the identity to stop them now. Takes an admin."""
    named = LinkInput.model_construct(issuer=issuer, subject=subject)
    await service.unlink(session, actor, name, named)


router = APIRouter()
router.include_router(public)
router.include_router(guarded)
