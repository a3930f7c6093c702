"""Every setting, read from environment variables and `.env`, validated once, together."""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from iacs.core._settings.types import (
    AnyCase,
    CloudUrl,
    DatabaseUrl,
    RedirectUri,
    Servers,
    Tenant,
    TopicName,
    UriReference,
    WrappingKeys,
)
from iacs.core._settings.validated_settings import SettingRow, ValidatedSettings

__all__ = ["Config", "SettingRow", "get_config"]


class Config(ValidatedSettings):
    """Every setting; the environment takes precedence over `.env`, which takes precedence over the default.

    An empty value counts as not set, and in the environment as set to the default, whatever `.env` says.
    `Config(_env_prefix="MYAPP_")` chooses a prefix, `_env_file` another file. Raises ConfigurationError, which lists
    every problem.
    """

    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///iacs.db"), description="Database URL (sqlite:// or postgresql://)"
    )
    database_schema: str = Field(
        "",
        description="PostgreSQL schema that holds the tables (empty: the connection's search_path decides)",
    )
    database_pool_size: int = Field(5, ge=1, description="Maximum number of open connections")
    database_timeout: float = Field(
        30.0, gt=0, description="Maximum wait for a lock or a connection, in seconds"
    )
    database_prepared_statements: bool = Field(
        True,
        description="Use prepared statements on PostgreSQL (set to false behind PgBouncer in transaction mode)",
    )

    kafka_bootstrap_servers: Servers = Field(
        (), description="Kafka brokers as host:port, comma-separated (empty: events are kept in the database)"
    )
    kafka_security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], AnyCase] = (
        Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    )
    kafka_ssl_cafile: Path | None = Field(None, description="PEM file with the CA certificate of the brokers")
    kafka_ssl_certfile: Path | None = Field(
        None, description="PEM file with the client certificate, where the brokers require one (mTLS)"
    )
    kafka_ssl_keyfile: Path | None = Field(
        None, description="PEM file with the private key of the client certificate, if not in the same file"
    )
    kafka_ssl_key_password: SecretStr | None = Field(None, description="Password of that private key")
    kafka_sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"], AnyCase
    ] = Field("PLAIN", description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
    kafka_sasl_username: str = Field("", description="SASL user name")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_timeout: float = Field(10.0, gt=0, description="Timeout for reaching a broker, in seconds")
    kafka_linger_ms: int = Field(
        5, ge=0, description="Maximum wait for a batch of events to fill, in milliseconds"
    )
    kafka_batch_size: int = Field(262_144, ge=1, description="Maximum size of a batch of events, in bytes")
    kafka_compression: Annotated[Literal["none", "gzip", "snappy", "lz4", "zstd"], AnyCase] = Field(
        "none", description="Compression of published events: none, gzip, snappy, lz4 or zstd"
    )
    kafka_create_topics: bool = Field(
        True, description="Let the brokers create missing topics, where they are configured to"
    )
    mail_topic: TopicName = Field("iacs.mail.received", description="Topic for the events about new mail")
    mail_announce: Literal["all", "new"] = Field(
        "all",
        description="Mail to publish events for: all, or new (received after the first sync of the mailbox began)",
    )
    mail_announce_drafts: bool = Field(
        False, description="Also publish an event for a new draft; a draft that is sent is always announced"
    )
    mail_hidden_folders: bool = Field(
        False, description="Also sync the folders that Outlook hides, such as those of other programs"
    )
    account_topic: TopicName = Field(
        "iacs.account",
        description="Topic for the events about accounts: sign-in required, recovered, and so on",
    )
    audit_topic: TopicName = Field("iacs.audit", description="Topic for the audit events about accounts")
    dead_letter_topic: TopicName = Field(
        "iacs.dead-letter", description="Topic for dead letters: records that are not JSON"
    )
    dead_letter_failure: Annotated[Literal["stop", "skip"], AnyCase] = Field(
        "stop",
        description="What a consumer does when the brokers reject a dead letter: stop, or skip the record",
    )
    outbox_retention_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="How long published events stay in the outbox, in days (0: they are deleted once published)",
    )
    event_source: UriReference = Field(
        "urn:iacs", description="CloudEvents source of published events (a URI)"
    )

    azure_client_id: str = Field(
        "", description="Application (client) id of the app registration in Entra ID"
    )
    azure_client_secret: SecretStr | None = Field(None, description="Client secret of the app registration")
    azure_client_secret_expires: date | None = Field(
        None,
        description="Day on which the client secret expires, such as 2027-05-31; health warns 30 days before",
    )
    azure_client_certificate_path: Path | None = Field(
        None, description="PEM file with certificate and private key, instead of the client secret"
    )
    azure_client_certificate_password: SecretStr | None = Field(
        None, description="Password of the private key in that file"
    )
    azure_tenant_id: Tenant = Field(
        "common", description="Tenant: a directory id, a domain, 'common' or 'organizations'"
    )
    azure_authority_host: CloudUrl = Field(
        "https://login.microsoftonline.com", description="Base URL of Entra ID; differs in national clouds"
    )
    azure_redirect_uri: RedirectUri = Field(
        "http://localhost:8400/callback", description="Redirect URI of the app registration"
    )
    azure_scopes: str = Field(
        "openid profile offline_access User.Read Mail.Read", description="OAuth scopes requested at sign-in"
    )
    azure_prompt: Annotated[Literal["", "login", "consent", "select_account"], AnyCase] = Field(
        "",
        description="Prompt at every sign-in: login, consent or select_account (empty: the authority decides)",
    )
    graph_url: CloudUrl = Field(
        "https://graph.microsoft.com/v1.0",
        description="Base URL of Microsoft Graph; differs in national clouds",
    )
    graph_page_size: int = Field(
        1000,
        ge=1,
        le=1000,
        description="Maximum number of messages per page; fewer if Graph cannot serve as many",
    )
    graph_concurrency: int = Field(4, ge=1, description="Maximum number of concurrent requests per mailbox")
    http_timeout: float = Field(
        30.0,
        gt=0,
        description="Maximum silence of Microsoft's cloud during a request, in seconds",
    )
    http_max_response_bytes: int = Field(
        67_108_864,
        ge=1,
        description="Maximum size of a response from Microsoft's cloud after decompression, in bytes",
    )
    http_ca_file: Path | None = Field(
        None, description="PEM file with an additional CA certificate, trusted for Microsoft's cloud"
    )
    token_encryption_key: WrappingKeys = Field(
        None,
        description="Key that encrypts the keys of stored tokens; generate one with: iacs config new-key",
    )
    token_key_provider: str = Field(
        "",
        description="Keys from elsewhere: file:PATH, or module:function that returns a key provider (KMS)",
    )

    enrollment_directory: Path = Field(
        Path("enrollment"), description="Folder with one YAML file per account"
    )
    openai_api_key: SecretStr | None = Field(None, description="Not used by iacs; for services of your own")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], AnyCase] = Field(
        "INFO",
        description="DEBUG, INFO, WARNING, ERROR or CRITICAL; if not set, the command line uses WARNING",
    )
    log_format: Annotated[Literal["auto", "console", "json"], AnyCase] = Field(
        "auto", description="console, json, or auto: console on a terminal, json elsewhere"
    )

    def __init__(self, **values: Any) -> None:
        # Declared here again: otherwise type checkers require every setting as an argument.
        super().__init__(**values)

    def _contradictions(self) -> list[str]:
        from iacs.core._settings.problems import contradictions

        return contradictions(self, self._name)


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the process's settings, read at the first call; for code outside a container."""
    return Config()
