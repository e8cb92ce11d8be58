"""Settings, read from `STAGEWARD_*` in the environment and documented in `docs/settings.md`."""

import base64
import contextlib
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.addresses import EXAMPLE, is_readable
from app.core.cors import origins
from app.core.proxies import networks

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}(?:/(?!\.)[A-Za-z0-9._-]{1,100}){0,5}")
REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
ENDPOINT = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?:/[\w./~-]*)?"
)
ISSUER = re.compile(
    r"(?:https://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])|http://(?:127\.0\.0\.1|\[::1\]|localhost))"
    r"(?::\d{1,5})?(?:/[\w.~%/-]*)?"
)


class Settings(BaseSettings):
    """All that an operator may set. Unset means embedded: own PostgreSQL, own blob directory."""

    model_config = SettingsConfigDict(
        env_prefix="STAGEWARD_",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # what is wrong with a secret is said without it
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    data_dir: Path = Path("data")
    public_url: str | None = None

    database_url: SecretStr | None = None
    embedded_url: SecretStr | None = None  # set by `serve` for the processes it starts
    migrate_database_url: SecretStr | None = None
    listen_url: SecretStr | None = None
    pool_size: int = Field(default=10, ge=1, le=200)
    search_connections: int = Field(default=4, ge=1, le=100)
    search_seconds: float = Field(default=5, ge=0.001, le=25)

    s3_bucket: str | None = None
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_addressing: Literal["path", "virtual", "auto"] = "path"
    s3_prefix: str = ""
    s3_checksums: Literal["when_required", "when_supported"] = "when_required"
    s3_ca_file: Path | None = None

    scrub_mib_per_second: float = Field(default=16, ge=0, le=100_000)
    scrub_days: float = Field(default=30, ge=0, le=3650)

    trusted_proxies: str = ""
    cors_origins: str = ""
    requests_per_minute: int = Field(default=120_000, ge=0, le=100_000_000)
    failed_logins_per_minute: int = Field(default=60, ge=0, le=1_000_000)

    seal_key: SecretStr | None = None
    seal_old_keys: str = ""

    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = "openid profile email"
    oidc_name_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_token_minutes: int = Field(default=60, ge=1, le=1440)
    oidc_ca_file: Path | None = None

    secret_key: SecretStr | None = None
    admin_token: SecretStr | None = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url", "embedded_url", "migrate_database_url", "listen_url")
    @classmethod
    def _check_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_readable(value.get_secret_value()):
            raise ValueError(
                f"This is not an address of PostgreSQL. Write {EXAMPLE}; in the user and the "
                "password, write @ as %40, / as %2F, : as %3A and % as %25."
            )
        return value

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _check_endpoint(cls, value: str | None) -> str | None:
        found = ENDPOINT.fullmatch(value or "")
        if value is not None and (found is None or not 1 <= int(found["port"] or 443) <= 65535):
            raise ValueError(
                "This is not the address of an S3 store. Write http://host:port or "
                "https://host:port, without a user, a password or a query."
            )
        return value

    @field_validator("s3_region")
    @classmethod
    def _check_region(cls, value: str) -> str:
        if not REGION.fullmatch(value):
            raise ValueError(
                "This is not the name of a region: letters, digits, hyphens, dots and underscores."
            )
        return value

    @field_validator("s3_bucket")
    @classmethod
    def _check_bucket(cls, value: str | None) -> str | None:
        if value is not None and not BUCKET.fullmatch(value):
            raise ValueError(
                "This is not the name of a bucket: 3 to 63 lower-case letters, digits, hyphens "
                "and dots, with a letter or a digit at both ends."
            )
        return value

    @field_validator("s3_prefix")
    @classmethod
    def _check_prefix(cls, value: str) -> str:
        if value and not PREFIX.fullmatch(value):
            raise ValueError(
                "This cannot be put before a key. Write names of letters, digits and . _ -, with "
                "a slash between them and none at the ends: team/stageward."
            )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        origins(value)
        return value

    @field_validator("s3_ca_file", "oidc_ca_file")
    @classmethod
    def _check_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("There is no such file.")
        return value

    @field_validator("seal_key")
    @classmethod
    def _check_seal_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            raw_key(value.get_secret_value())
        return value

    @field_validator("seal_old_keys")
    @classmethod
    def _check_old_keys(cls, value: str) -> str:
        for text in filter(str.strip, value.split(",")):
            raw_key(text)
        return value

    @model_validator(mode="after")
    def _check_s3(self) -> Self:
        if (self.s3_access_key is None) != (self.s3_secret_key is None):
            raise ValueError(
                "STAGEWARD_S3_ACCESS_KEY and STAGEWARD_S3_SECRET_KEY are set together or not at "
                "all."
            )
        named = {
            "ENDPOINT": self.s3_endpoint,
            "PUBLIC_ENDPOINT": self.s3_public_endpoint,
            "ACCESS_KEY": self.s3_access_key,
            "PREFIX": self.s3_prefix or None,
            "CA_FILE": self.s3_ca_file,
        }
        for name, value in named.items():
            if self.s3_bucket is None and value is not None:
                raise ValueError(
                    f"STAGEWARD_S3_{name} is set and STAGEWARD_S3_BUCKET is not: set the bucket "
                    "too, or blobs would be files in a directory."
                )
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str | None) -> str | None:
        if value is not None and not ISSUER.fullmatch(value):
            raise ValueError(
                "This is not the name of an OIDC issuer. Write it as its configuration does: "
                "https://host/path, without a query (http:// only for 127.0.0.1, [::1] and "
                "localhost)."
            )
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _check_scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("It must name the scope openid: openid profile email.")
        return value

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError(
                "STAGEWARD_OIDC_ISSUER and STAGEWARD_OIDC_CLIENT_ID are set together or not at all."
            )
        if self.oidc_client_secret is not None and self.oidc_issuer is None:
            raise ValueError(
                "STAGEWARD_OIDC_CLIENT_SECRET is set and STAGEWARD_OIDC_ISSUER is not: nobody "
                "could sign in with it."
            )
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.database_url is not None and self.secret_key is None:
            raise ValueError(
                "STAGEWARD_SECRET_KEY must be set when STAGEWARD_DATABASE_URL is: every process "
                "must sign with the same key, and it must survive the loss of a machine."
            )
        for name, value in (("SECRET_KEY", self.secret_key), ("ADMIN_TOKEN", self.admin_token)):
            if value is not None and len(value.get_secret_value()) < 32:
                raise ValueError(f"STAGEWARD_{name} must have at least 32 characters.")
        return self

    @property
    def embedded(self) -> bool:
        """Whether this process runs its own PostgreSQL."""
        return self.database_url is None

    @property
    def serving_url(self) -> str:
        """Where PostgreSQL is, once it is known: set by the operator, or by `serve` after it has
        started its own. Raises ValueError before that."""
        url = self.database_url or self.embedded_url
        if url is None:
            raise ValueError(
                "No database is known yet: run `python -m app serve`, which starts its own, or set "
                "STAGEWARD_DATABASE_URL."
            )
        return url.get_secret_value()

    @property
    def migrating_url(self) -> str:
        """Where `migrate` works: as the role that owns the tables, where there is one apart."""
        url = self.migrate_database_url
        return self.serving_url if url is None else url.get_secret_value()

    @property
    def direct_url(self) -> str | None:
        """Where a connection may LISTEN, hold a session and no pooler stands in between; None
        where no such address is known, and then one looks again every second. The address of an
        external database may be a pooler's."""
        url = self.embedded_url if self.embedded else self.listen_url
        return None if url is None else url.get_secret_value()

    @property
    def base_url(self) -> str:
        """Where clients reach the service, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def signing_key(self) -> bytes:
        """The secret that tokens and links are keyed with; made once under the data directory
        where none is set."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        return read_or_make_secret(self.data_dir / "secret_key").encode()


def raw_key(text: str) -> bytes:
    """The 32 bytes of an Ed25519 key in base64. Raises ValueError, which does not repeat them."""
    try:
        raw = base64.b64decode(text.strip().encode(), validate=True)
    except ValueError:  # as with text that is not ASCII
        raw = b""
    if len(raw) != 32:
        raise ValueError(
            "This is not a key: 32 bytes in base64, 44 characters. `openssl rand -base64 32` makes "
            "a private one."
        )
    return raw


def read_or_make_secret(path: Path) -> str:
    """The secret in `path`, made first where it is not there; two processes agree on one.

    The file appears whole or not at all (linked into place), so a kill leaves no half secret.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()
