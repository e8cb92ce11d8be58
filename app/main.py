"""The application: its lifespan, its middleware and every router."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from app import __version__
from app.access.authenticator import Authenticator
from app.core import cors, errors, headers, proxies, schema
from app.core.cors import Cors
from app.core.db import Database
from app.core.metrics import RequestMetrics
from app.core.proxies import TrustedProxies
from app.core.requests import RequestContext
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.signals import Hub
from app.edge.lanes import Lanes
from app.issuers.service import Issuers
from app.limits.service import Limits
from app.versions import lane as versions
from app.versions.kept import Kept
from app.versions.resolver import Resolver

# The order in which /docs shows the rooms: the story of a version, then people, then the record.
ROOMS = (
    "models",
    "naming",
    "versions",
    "search",
    "files",
    "tensors",
    "stages",
    "evaluations",
    "series",
    "compare",
    "lineage",
    "cards",
    "reproduction",
    "checks",
    "promotions",
    "policies",
    "comments",
    "identities",
    "tokens",
    "groups",
    "access",
    "trust",
    "signin",
    "audit",
    "seals",
    "redactions",
    "blobs",
    "meta",
)


def build_runtime(settings: Settings, url: str) -> Runtime:
    """The runtime of this process, over a database that runs already. Opens no connection."""
    schema.load_tables()  # low rooms' tables name higher rooms' in their foreign keys
    hub = Hub(settings.direct_url)
    db = Database(
        url,
        pool_size=settings.pool_size,
        hub=hub,
        search_connections=settings.search_connections,
        search_seconds=settings.search_seconds,
    )
    storage = importlib.import_module("app.blobs.storage")
    store = storage.open_store(settings)
    issuers = Issuers(ca_file=settings.oidc_ca_file)
    return Runtime(settings=settings, hub=hub, db=db, store=store, issuers=issuers)


def create_app(runtime: Runtime | None = None) -> FastAPI:
    """The application over a runtime; without one it can only describe itself (OpenAPI)."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if runtime is None:
            raise RuntimeError("an application without a runtime cannot serve")
        await runtime.store.prepare()
        runtime.hub.start()
        try:
            yield
        finally:
            await settle(app)
            await runtime.hub.stop()
            await runtime.store.close()
            await runtime.issuers.close()
            await runtime.db.close()

    app = FastAPI(
        title="Stageward",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    if runtime is not None:
        equip(app, runtime)
    for router in routers():
        app.include_router(router)
    errors.install(app)
    app.user_middleware.append(Middleware(Lanes, lanes=[versions.LANE]))  # inside of all others
    _add_middleware(app, None if runtime is None else runtime.settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings | None) -> None:
    """What every request passes through; the last one added is the first to see it."""
    if settings is not None and settings.cors_origins:
        app.add_middleware(Cors, origins=cors.origins(settings.cors_origins))
    app.add_middleware(RequestMetrics)
    app.add_middleware(RequestContext, headers=headers.usual(settings))
    if settings is not None and settings.trusted_proxies:
        app.add_middleware(TrustedProxies, trusted=proxies.networks(settings.trusted_proxies))


def equip(app: FastAPI, runtime: Runtime) -> None:
    """Give an application what it works with and what it remembers between requests."""
    app.state.runtime = runtime
    app.state.limits = limits = Limits(runtime.db, runtime.settings)
    versions = importlib.import_module("app.versions.service")
    app.state.registrar = versions.Registrar(runtime.db)
    key = runtime.settings.signing_key
    app.state.authenticator = Authenticator(runtime.db, key, limits.failures)
    app.state.kept = kept = Kept()
    app.state.resolver = Resolver(runtime.db, kept)


async def settle(app: FastAPI) -> None:
    """Have it write down what it noted beside its requests, before its database is closed."""
    await app.state.registrar.settle()
    await app.state.authenticator.settle()
    await app.state.limits.requests.stop()


def routers() -> list[APIRouter]:
    """The router of every room that has one, in reading order."""
    here = Path(__file__).parent
    rooms = [room for room in ROOMS if (here / room / "router.py").exists()]
    return [importlib.import_module(f"app.{room}.router").router for room in rooms]
