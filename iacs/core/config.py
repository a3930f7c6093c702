"""Every setting, read from environment variables and `.env`, validated once and all together."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from iacs.core.exceptions import ConfigurationError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _cloud_url(value: str) -> str:
    """Tokens and secrets travel there, so plain http is for this machine alone."""
    url = urlsplit(value)
    if url.hostname is None or url.scheme not in ("http", "https"):
        raise ValueError("must be a URL such as https://graph.microsoft.com/v1.0")
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise ValueError("must begin with https:// (http:// is for a stand-in on this machine)")
    return value.rstrip("/")


CloudUrl = Annotated[str, AfterValidator(_cloud_url)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Config(BaseSettings):
    """Hold every setting; the environment wins over `.env`, which wins over the default.

    An empty value counts as not given. Raises ConfigurationError, which lists every problem.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, validate_default=False
    )

    database_url: SecretStr = Field(
        SecretStr("sqlite:///iacs.db"), description="Where everything is kept; postgresql:// works too"
    )
    database_pool_size: int = Field(5, ge=1, description="Connections kept open")
    database_timeout: float = Field(30.0, gt=0, description="Seconds to wait for a lock or a connection")

    kafka_bootstrap_servers: CommaSeparated = Field(
        (), description="host:port, comma-separated; empty: events are kept in the database"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with the brokers"
    )
    kafka_ssl_cafile: Path | None = Field(None, description="CA that signed the brokers' certificates")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="Used when the protocol begins with SASL"
    )
    kafka_sasl_username: str = Field("", description="Used when the protocol begins with SASL")
    kafka_sasl_password: SecretStr | None = Field(None, description="Used when the protocol begins with SASL")
    kafka_timeout: float = Field(10.0, gt=0, description="Seconds until an unreachable broker is an error")
    kafka_linger_ms: int = Field(20, ge=0, description="Milliseconds that a batch waits to be filled")
    kafka_batch_size: int = Field(262_144, ge=1, description="Bytes that a batch holds at most")
    mail_topic: str = Field("iacs.mail.received", description="Topic of one event per new message")
    dead_letter_topic: str = Field("iacs.dead-letter", description="Topic for records that are not JSON")

    azure_client_id: str = Field("", description="Application (client) id of the registration in Entra ID")
    azure_client_secret: SecretStr | None = Field(None, description="Its client secret")
    azure_client_certificate_path: Path | None = Field(
        None, description="PEM with key and certificate, in place of the secret"
    )
    azure_client_certificate_password: SecretStr | None = Field(
        None, description="Password of that PEM's key"
    )
    azure_tenant_id: str = Field("common", description="Directory id, domain, common or organizations")
    azure_authority_host: CloudUrl = Field(
        "https://login.microsoftonline.com", description="Entra ID of this cloud"
    )
    azure_redirect_uri: str = Field(
        "http://localhost:8400/callback", description="Registered address that a sign-in returns to"
    )
    azure_scopes: str = Field(
        "openid profile offline_access User.Read Mail.Read", description="What the person is asked to allow"
    )
    graph_url: CloudUrl = Field(
        "https://graph.microsoft.com/v1.0", description="Microsoft Graph of this cloud"
    )
    graph_page_size: int = Field(100, ge=1, le=1000, description="Messages asked for in one page")
    graph_concurrency: int = Field(4, ge=1, description="Requests at a time to one mailbox")
    http_timeout: float = Field(30.0, gt=0, description="Seconds for one request to Microsoft's cloud")
    http_ca_file: Path | None = Field(None, description="CA to trust beside the system's own")
    token_encryption_key: SecretStr | None = Field(
        None, description="Fernet key for tokens at rest; several, comma-separated: the first one encrypts"
    )

    enrollment_directory: Path = Field(Path("enrollment"), description="Folder with one YAML per account")
    openai_api_key: SecretStr | None = Field(None, description="For services that you add; iacs hands it on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Least level that is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError([str(problem["msg"]) for problem in error.errors()]) from None

    def require(self, *names: str) -> Self:
        """Return self; raise one ConfigurationError naming every setting of `names` that has no value."""
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            raise ConfigurationError([f"{name.upper()} is not set" for name in missing])
        return self


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the process's settings, read at the first call; for code outside a container."""
    return Config()
