"""Every setting, read from environment variables and `.env`, validated once, together."""

import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from iacs.core._settings.env_file import literal_values, problems_of_files, unread_file
from iacs.core._settings.sources import ORIGINS, Origin, Origins, SecretFiles, is_secret_field
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
from iacs.core.exceptions import ConfigurationError


class SettingRow(NamedTuple):
    """One setting as it may be shown to anybody."""

    name: str
    value: str
    source: Origin


class Config(BaseSettings):
    """Every setting; the environment takes precedence over `.env`, which takes precedence over the default.

    An empty value counts as not set, and in the environment as set to the default, whatever `.env` says.
    `Config(_env_prefix="MYAPP_")` chooses a prefix, `_env_file` another file. Raises ConfigurationError, which lists
    every problem.
    """

    model_config = SettingsConfigDict(
        allow_inf_nan=False,
        env_file=".env",
        env_file_encoding="utf-8-sig",  # with or without a byte order mark
        env_ignore_empty=False,  # so that an empty variable precedes what .env sets
        extra="ignore",
        frozen=True,
        validate_default=False,
    )

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
        description="Mail to publish events for: all, or new, received after the first sync of its mailbox began",
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
        7.0, ge=0, description="How long published events stay in the outbox, in days (0: for ever)"
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
        "", description="What a sign-in asks for even if it need not (default: what the authority decides)"
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
        description="Other keys than that one: file:PATH, or module:function that returns a key provider (KMS)",
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

    _prefix: str = PrivateAttr("")
    _unread_file: str = PrivateAttr("")
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        from iacs.core._settings.problems import contradictions, hint_of, problem_of
        from iacs.core._settings.spelling import problems_of_arguments

        prefix = str(values.get("_env_prefix", self.model_config.get("env_prefix", ""))).upper()
        fields = type(self).model_fields
        known = [f"{prefix}{name.upper()}" for name in fields]
        known += [f"{prefix}{name.upper()}_FILE" for name, field in fields.items() if is_secret_field(field)]
        problems, hints = problems_of_arguments(values, fields), dict[str, None]()
        problems += problems_of_files(
            values.get("_env_file", self.model_config.get("env_file")),
            must_exist="_env_file" in values,
            known=known,
            given=[*map(str.upper, os.environ), *(f"{prefix}{name.upper()}" for name in values)],
        )
        try:
            super().__init__(**values)
        except ValidationError as error:
            for details in error.errors():
                name = str(details["loc"][0])
                problems.append(f"{prefix}{name.upper()}: {problem_of(details, fields[name])}")
                hints[hint_of(details)] = None
        else:
            self._prefix = prefix
            path = None if "_env_file" in values else unread_file(self.model_config.get("env_file"))
            self._unread_file = f"{path} is not read: only a file in the current folder is" if path else ""
            problems += contradictions(self, self._name)
        if problems:  # raised here, the error has no context: pydantic's error quotes secrets
            raise ConfigurationError(problems, hint="; ".join(filter(None, hints)))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Correct what pydantic reads from `.env`; add files that variables name, and a record of the origins."""
        sources = [init_settings, env_settings, dotenv_settings, file_secret_settings, Origins(settings_cls)]
        if isinstance(env_settings, EnvSettingsSource) and isinstance(dotenv_settings, DotEnvSettingsSource):
            values = {**dotenv_settings.env_vars, **literal_values(dotenv_settings.env_file)}
            dotenv_settings.env_vars = {name: value for name, value in values.items() if value}
            variables = {**dotenv_settings.env_vars, **env_settings.env_vars}
            sources.insert(2, SecretFiles(settings_cls, env_settings.env_prefix, variables))
        return tuple(sources)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_origins(cls, values: dict[str, Any], build: ModelWrapValidatorHandler[Self]) -> Self:
        origins, given = values.pop(ORIGINS, {}), dict[str, Any]()
        for name, value in values.items():
            text = value.strip() if isinstance(value, str) else None
            if text != "":  # what quotes in .env enclose keeps its spaces
                given[name] = value if text is None or origins.get(name) == ".env" else text
        config = build(given)
        config._origins = {name: origins[name] for name in given if name in origins}
        return config

    def sources(self) -> dict[str, Origin]:
        """Return where the value of each setting comes from, by field name."""
        return {name: self._origins.get(name, "default") for name in type(self).model_fields}

    def rows(self) -> tuple[SettingRow, ...]:
        """Return every setting for display: by its name in the environment, with secrets masked."""
        from iacs.core._settings.problems import shown

        fields = type(self).model_fields
        return tuple(
            SettingRow(self._name(name), shown(name, getattr(self, name), fields[name]), at)
            for name, at in self.sources().items()
        )

    def likely_mistakes(self) -> tuple[str, ...]:
        """Describe a `.env` that is not read, and variables that nearly have the name of a setting without a value."""
        from iacs.core._settings.spelling import misspelt

        given = {self._name(name) for name, origin in self.sources().items() if origin != "default"}
        known = [self._name(name) for name in type(self).model_fields]
        typos = misspelt(sorted(os.environ), known, given)
        mistakes = [f"there is no setting {name}; did you mean {near}?" for name, near in typos.items()]
        return tuple(filter(None, (self._unread_file, *mistakes)))

    def require(self, *names: str) -> Self:
        """Return self; raise one ConfigurationError naming every setting of `names` that has no value."""
        fields = type(self).model_fields
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            problems = [f"{self._name(name)} is not set ({fields[name].description})" for name in missing]
            hint = "; ".join(filter(None, ("set it in the environment or in .env", self._unread_file)))
            raise ConfigurationError(problems, hint=hint)
        return self

    def _name(self, field: str) -> str:
        return f"{self._prefix}{field.upper()}"


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the process's settings, read at the first call; for code outside a container."""
    return Config()
