"""Fixtures: a real PostgreSQL per worker, the application over it, and clients with real tokens.

Every test commits for real and the tables are emptied after it. An outer transaction with
savepoints would be a little faster, but would hide what this service promises about commits:
deferred constraints, transaction ids that followers read by, and races.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI

os.environ.setdefault("STAGEWARD_LOG_LEVEL", "error")

from app.access.service import ensure_first_admin
from app.core import schema
from app.core.embedded import EmbeddedPostgres
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime, create_app, equip, settle
from tests.actors import Api, Team
from tests.s3.server import StoreSettings
from tests.waiting import SECONDS

pytest_plugins = ["tests.s3.plugin"]

ADMIN_TOKEN = "an-admin-token-for-tests-0123456789"
KEPT_TABLES = ("policy_revisions", "record_eras", "stages", "alembic_version", "queue_schema")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A migrated server of this worker's own; it would forget all at a crash, which is faster."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    schema.migrate(server.start())
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    return postgres.url


@pytest.fixture(scope="session")
def superuser_url(postgres: EmbeddedPostgres) -> str:
    """Past the application and its rights: what an administrator's psql would use."""
    return postgres.superuser_url


@pytest.fixture(scope="session")
def settings(
    database_url: str,
    store_kind: str,
    store_settings: StoreSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=database_url,
        listen_url=database_url,
        secret_key="a-secret-key-for-tests-0123456789",
        admin_token=ADMIN_TOKEN,
        public_url="http://test",
        pool_size=40,
        failed_logins_per_minute=100_000,  # many tests fail to log in, from one address
        **store_settings(store_kind),
    )


@pytest.fixture(scope="session")
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    assert settings.database_url is not None
    runtime = build_runtime(settings, settings.database_url.get_secret_value())
    await runtime.store.prepare()
    runtime.hub.start()
    yield runtime
    await runtime.hub.stop()
    await runtime.store.close()
    await runtime.issuers.close()
    await runtime.db.close()


@pytest.fixture(scope="session")
def emptying(superuser_url: str) -> str:
    """What takes a test's rows away; policies and stages keep what the migrations put there."""
    with psycopg.connect(superuser_url) as connection:
        rows = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' order by 1"
        ).fetchall()
        stages = connection.execute(
            "select format('insert into stages (id, name, exclusive, position) values "
            "(%L, %L, %L, %L)', id, name, exclusive, position) from stages"
        ).fetchall()
    statements = [f'delete from "{name}"' for (name,) in rows if name not in KEPT_TABLES]
    statements += [
        "delete from policy_revisions where revision > 1",
        "delete from stages",
        *(statement for (statement,) in stages),
    ]
    return "; ".join(statements)


@pytest.fixture
async def clean(runtime: Runtime, superuser_url: str, emptying: str) -> AsyncIterator[None]:
    yield
    async with await psycopg.AsyncConnection.connect(superuser_url) as connection:
        # The guards refuse it, as they should: the role of a replica is not asked by them.
        await connection.execute("set session_replication_role = replica")
        await connection.execute(emptying)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def application(runtime: Runtime) -> FastAPI:
    """Routes are prepared when they are first asked for: for every test anew that takes longer than
    most tests."""
    return create_app(runtime)


@pytest.fixture
async def app(
    application: FastAPI, runtime: Runtime, settings: Settings, clean: None
) -> AsyncIterator[FastAPI]:
    """The application, which remembers nothing of earlier tests."""
    equip(application, runtime)
    async with runtime.db.transaction() as session:
        await ensure_first_admin(session, settings)
    yield application
    await settle(application)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token. Errors inside the application come back as answers. What does not
    lead to the application, as a link to S3, goes over the network."""
    inside = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        mounts={"http://test": inside},
        base_url="http://test",
        trust_env=False,
        verify=False,  # there is no TLS, and to load its authorities takes long
        timeout=SECONDS,
    ) as client:
        yield client


@pytest.fixture
def admin(http: httpx.AsyncClient) -> Api:
    return Api(http, ADMIN_TOKEN, "admin")


@pytest.fixture
def team(admin: Api) -> Team:
    """Makes people and service accounts with real tokens and grants, through the API."""
    return Team(admin)


@pytest.fixture
def data_dir(settings: Settings) -> Path:
    return settings.data_dir


@pytest.fixture
async def sql(
    superuser_url: str, clean: None
) -> AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]:
    """A superuser's connection, past the application: what psql would be."""
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as connection:
        yield connection
