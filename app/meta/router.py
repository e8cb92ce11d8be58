"""Addresses at the root: health, version, metrics, problem pages and the browsable API."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from app import __version__
from app.access.dependencies import Allowed
from app.access.table import Permission
from app.core import metrics, schema
from app.core.actor import Actor
from app.core.errors import problem_type
from app.core.problems import NotFound, Problem, Unavailable, every_problem
from app.core.problems_docs import explanation, responses
from app.core.runtime import Runtime, get_runtime
from app.meta import pages, service
from app.meta.assets import asset
from app.meta.openapi import build_openapi, with_sign_in
from app.meta.schemas import Liveness, ProblemPage, ProblemPages, Readiness, Version
from app.signin.rules import DOCS_PATH

router = APIRouter(tags=["Health"])
Accept = Annotated[str, Header(include_in_schema=False)]
Slug = Annotated[str, Path(description="The last part of `type`.", examples=["not-found"])]


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Is the process alive?")
async def livez() -> Liveness:
    """Answers as long as the process runs, whatever else is away. For restarts."""
    return Liveness()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Can it do its work?", responses=responses(Unavailable))
async def readyz(runtime: Annotated[Runtime, Depends(get_runtime)]) -> Readiness:
    """Looks at PostgreSQL, the revision of its schema and the blob store, each for three seconds
    at most. For load balancers: 200 or 503, with every check (`checks`) in both answers."""
    found = await service.readiness(runtime)
    if not found.ready:
        missing = ", ".join(check.name for check in found.checks if not check.ok)
        raise Unavailable(f"Not ready: {missing}.", extra=found.model_dump())
    return found


@router.get("/version", summary="Which build is this?")
async def version() -> Version:
    """The version of the service, of its API, and of the database schema it works with."""
    return Version(version=__version__, schema_revision=schema.expected_revision())


@router.get(
    "/problems",
    summary="Every kind of error",
    response_model=ProblemPages,
    responses={200: {"content": {"text/html": {}}}},
)
async def list_problems(request: Request, accept: Accept = "") -> Response:
    """All problems that the API can answer, as JSON, or as a page where `Accept` asks for HTML."""
    found = [_page(request, problem) for problem in every_problem().values()]
    if "text/html" in accept:
        return pages.problems_page(found)
    return _json(ProblemPages(items=found).model_dump())


@router.get(
    "/problems/{slug}",
    summary="What one kind of error means",
    response_model=ProblemPage,
    responses={200: {"content": {"text/html": {}}}, **responses(NotFound)},
)
async def get_problem(request: Request, slug: Slug, accept: Accept = "") -> Response:
    """What `type` in an error points at: what it means and what to do about it."""
    problem = every_problem().get(slug)
    if problem is None:
        raise NotFound("There is no problem of this name. All of them are listed at /problems.")
    page = _page(request, problem)
    return pages.problem_page(page) if "text/html" in accept else _json(page.model_dump())


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "One line a metric.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def get_metrics(
    actor: Annotated[Actor, Depends(Allowed(Permission.METRICS_READ))],
    runtime: Annotated[Runtime, Depends(get_runtime)],
) -> Response:
    """Requests by route and status, their latency, and the process's memory and CPU time. Each
    process answers for itself, unless `PROMETHEUS_MULTIPROC_DIR` makes them share. Any token will
    do; give Prometheus one of its own, of a service account without grants.

    What the store holds, and how much of it is damaged, comes from the database and is the same
    whoever answers. It is told to admins and to those without any grant: who may send bytes could
    tell from the totals whether theirs were here already."""
    found = metrics.exposition(await service.measured(runtime, actor))
    return Response(found, media_type=metrics.MEDIA_TYPE)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The OpenAPI document, with sign-in where this server has a provider."""
    document = build_openapi(request.app)
    runtime: Runtime | None = getattr(request.app.state, "runtime", None)
    if runtime is not None and runtime.settings.oidc_issuer is not None:
        document = with_sign_in(document)
    return JSONResponse(document)


@router.get("/", include_in_schema=False)
async def root() -> Response:
    """The browsable API is the front door."""
    return RedirectResponse("/docs")


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The browsable API."""
    runtime: Runtime | None = getattr(request.app.state, "runtime", None)
    if runtime is None or runtime.settings.oidc_issuer is None:
        return pages.docs_page()
    return pages.docs_page(runtime.settings.base_url + DOCS_PATH)


@router.get(DOCS_PATH, include_in_schema=False)
async def signed_in() -> Response:
    """Where a sign-in that the browsable API began ends."""
    return pages.signed_in_page()


@router.get("/docs/start", include_in_schema=False)
async def start(runtime: Annotated[Runtime, Depends(get_runtime)]) -> Response:
    """The quick start."""
    return pages.start_page(runtime.settings.base_url)


@router.get("/docs/static/{name}", include_in_schema=False)
async def static(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """A browser file, compressed where the browser can read that."""
    found = asset(name)
    if found is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if found.compressed is not None and "gzip" in accept_encoding:
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, headers=headers, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)


def _page(request: Request, problem: type[Problem]) -> ProblemPage:
    return ProblemPage(
        slug=problem.slug,
        type=problem_type(request, problem.slug),
        title=problem.title,
        status=problem.status,
        explanation=explanation(problem),
    )


def _json(content: object) -> Response:
    return JSONResponse(content, headers={"Vary": "Accept"})
