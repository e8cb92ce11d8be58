"""Settings: what an operator may set, and what is never said about it."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError

from app.core.settings import Settings
from app.serving import unreachable

KEY = "a-secret-key-for-tests-0123456789"
PASSWORD = "topsecretpw"
UNREADABLE = [
    "postgre://app:topsecretpw@db/x",
    "postgresql+psycopg://app:topsecretpw@db/x",
    "app:topsecretpw@db/x",
    "host=db password=topsecretpw user",
    "postgresql://app:topsecretpw@2@db/x",
    "postgresql://app:topsecretpw/2@db/x",
    "postgresql://app:topsecretpw%zz@db/x",
    "postgresql://db:topsecretpw/x",
]
READABLE = [
    "postgresql://app:topsecretpw@db:5432/x",
    "postgres://app:top%40secret@db1:5432,db2:5433/x?target_session_attrs=read-write",
    "postgresql://stageward@/stageward?host=%2Ftmp%2Fsocket&port=5432",
    "postgresql://[::1]:5432/x",
    "host=db dbname=x user=app password='top@secret'",
]
ADDRESSES = ("database_url", "embedded_url", "migrate_database_url", "listen_url")


@pytest.mark.parametrize("url", UNREADABLE)
@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_cannot_be_read_is_named_and_not_repeated(name: str, url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**{"secret_key": KEY, name: url})  # type: ignore[arg-type]
    assert name in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value.errors(include_input=False))


@pytest.mark.parametrize("url", READABLE)
def test_an_address_that_libpq_can_read_is_allowed(url: str) -> None:
    settings = Settings(database_url=url, secret_key=KEY)  # type: ignore[arg-type]
    assert settings.serving_url == url
    assert url not in repr(settings)


@pytest.mark.parametrize("command", ["serve", "migrate", "worker", "doctor"])
def test_no_command_prints_a_password(command: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
    done = subprocess.run(
        [sys.executable, "-m", "app", command],
        env={
            **environment,
            "STAGEWARD_DATABASE_URL": UNREADABLE[0],
            "STAGEWARD_SECRET_KEY": KEY,
            "STAGEWARD_DATA_DIR": str(tmp_path),
            "STAGEWARD_PORT": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "STAGEWARD_DATABASE_URL" in said
    assert PASSWORD not in said
    assert "Traceback" not in said


def test_what_the_driver_says_about_an_address_is_not_repeated() -> None:
    for url in UNREADABLE[:2]:
        with pytest.raises(psycopg.ProgrammingError) as caught:
            psycopg.connect(url)
        assert PASSWORD not in unreachable(caught.value)
        assert "STAGEWARD_DATABASE_URL" in unreachable(caught.value)


def test_what_postgresql_itself_refuses_is_repeated(superuser_url: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        with pytest.raises(psycopg.ProgrammingError) as caught:
            connection.execute("select * from nowhere")
        connection.rollback()
    assert 'relation "nowhere" does not exist' in unreachable(caught.value)


S3 = {"s3_bucket": "models", "s3_access_key": "key", "s3_secret_key": PASSWORD}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s3_endpoint", "s3.example.org:9000"),
        ("s3_endpoint", "ftp://s3.example.org"),
        ("s3_endpoint", f"https://user:{PASSWORD}@s3.example.org"),
        ("s3_endpoint", "https://s3.example.org/?bucket=models"),
        ("s3_endpoint", "https://s3.example.org:65536"),
        ("s3_endpoint", "https://s3.example.org:0"),
        ("s3_public_endpoint", "https://"),
        ("s3_region", "us-east-1\n"),
        ("s3_region", "us east"),
        ("s3_region", "us/east"),
        ("s3_bucket", "Models"),
        ("s3_bucket", "models/team"),
        ("s3_bucket", "ab"),
        ("s3_prefix", "/team"),
        ("s3_prefix", "team/"),
        ("s3_prefix", "team//models"),
        ("s3_prefix", "../team"),
        ("s3_prefix", "team models"),
        ("s3_addressing", "dns"),
        ("s3_checksums", "always"),
        ("s3_ca_file", "no/such/file.pem"),
    ],
)
def test_a_setting_of_the_s3_store_that_cannot_be_right_is_named(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**{**S3, name: value})  # type: ignore[arg-type]
    assert name in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s3_endpoint", "http://127.0.0.1:9000"),
        ("s3_endpoint", "https://s3.example.org"),
        ("s3_endpoint", "http://[::1]:9000"),
        ("s3_endpoint", "https://storage.example.org/s3"),
        ("s3_endpoint", "https://s3.example.org:65535"),
        ("s3_region", "eu-central-1"),
        ("s3_region", "RegionOne"),
        ("s3_prefix", "team/stageward-2"),
        ("s3_addressing", "virtual"),
        ("s3_checksums", "when_supported"),
        ("s3_ca_file", __file__),
    ],
)
def test_a_setting_of_the_s3_store_that_can_be_right_is_allowed(name: str, value: str) -> None:
    assert str(getattr(Settings(**{**S3, name: value}), name)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["s3_access_key", "s3_secret_key"])
def test_credentials_of_the_s3_store_come_together(given: str) -> None:
    with pytest.raises(ValidationError, match="set together"):
        Settings(**{"s3_bucket": "models", given: "value"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s3_endpoint", "https://s3.example.org"),
        ("s3_public_endpoint", "https://s3.example.org"),
        ("s3_prefix", "team"),
        ("s3_ca_file", __file__),
    ],
)
def test_an_s3_store_without_its_bucket_is_no_directory(name: str, value: str) -> None:
    with pytest.raises(
        ValidationError, match=f"{name.upper()} is set and STAGEWARD_S3_BUCKET is not"
    ):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "*"),
        ("trusted_proxies", "haproxy"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "0.0.0.0/0"),
        ("trusted_proxies", "10.0.0.0/8, ::/0"),
        ("trusted_proxies", "10.0.0.1:8000"),
        ("cors_origins", "*"),
        ("cors_origins", "null"),
        ("cors_origins", "ml.example.com"),
        ("cors_origins", "https://ml.example.com/"),
        ("cors_origins", "https://*.example.com"),
        ("cors_origins", "https://ML.example.com"),
        ("cors_origins", "https://ml.example.com:443"),
        ("cors_origins", "https://user@ml.example.com"),
        ("cors_origins", "https://ml.example.com,ftp://ml.example.com"),
    ],
)
def test_what_lets_others_in_must_be_exact(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", ""),
        ("trusted_proxies", "10.0.0.7, 10.1.0.0/16,fd00::/8,::1,"),
        ("cors_origins", ""),
        ("cors_origins", "https://ml.example.com, http://127.0.0.1:3000,http://[::1]:3000"),
    ],
)
def test_what_lets_others_in_may_be_a_list(name: str, value: str) -> None:
    assert getattr(Settings(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@id.example.org",
        "https://user:topsecretpw@id.example.org",
        "https://id.example.org/?x=1",
        "https://id.example.org/#x",
        "id.example.org",
        "https://",
        "https://id.example.org\n",
    ],
)
def test_an_issuer_is_asked_over_tls_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(oidc_issuer=issuer, oidc_client_id="stageward")
    assert "oidc_issuer" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    for good in ("https://id.example.org:8443/realms/team", "http://127.0.0.1:80", "http://[::1]/"):
        assert Settings(oidc_issuer=good, oidc_client_id="stageward").oidc_issuer == good


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_issuer": "https://id.example.org"}, "STAGEWARD_OIDC_CLIENT_ID"),
        ({"oidc_client_id": "stageward"}, "STAGEWARD_OIDC_ISSUER"),
        ({"oidc_client_secret": PASSWORD}, "STAGEWARD_OIDC_ISSUER"),
        ({"oidc_scopes": "profile email"}, "openid"),
        ({"oidc_ca_file": "/nowhere/ca.pem"}, "no such file"),
        ({"oidc_token_minutes": 0}, "oidc_token_minutes"),
    ],
)
def test_sign_in_is_set_up_wholly_or_not_at_all(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**given)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert PASSWORD not in str(caught.value)
