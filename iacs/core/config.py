"""Every setting, read from environment variables and `.env`, validated once and all together."""

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
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from iacs.core._settings.sources import ORIGINS, Origin, Origins
from iacs.core._settings.types import AnyCase, CloudUrl, DatabaseUrl, FernetKeys, RedirectUri, Servers
from iacs.core.exceptions import ConfigurationError


class SettingRow(NamedTuple):
    """One setting as it may be shown to anybody."""

    name: str
    value: str
    source: Origin


class Config(BaseSettings):
    """Hold every setting; the environment wins over `.env`, which wins over the default.

    An empty value counts as not given. Another prefix than none is chosen with `Config(_env_prefix="MYAPP_")`,
    another file with `_env_file`. Raises ConfigurationError, which lists every problem.
    """

    model_config = SettingsConfigDict(
        allow_inf_nan=False,
        env_file=".env",
        env_file_encoding="utf-8-sig",  # with the mark that some editors put first, or without
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=False,
    )

    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///iacs.db"), description="Where everything is kept; postgresql:// works too"
    )
    database_pool_size: int = Field(5, ge=1, description="Connections kept open")
    database_timeout: float = Field(30.0, gt=0, description="Seconds to wait for a lock or a connection")

    kafka_bootstrap_servers: Servers = Field(
        (), description="host:port, comma-separated; empty: events are kept in the database"
    )
    kafka_security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], AnyCase] = (
        Field("PLAINTEXT", description="How to speak with the brokers")
    )
    kafka_ssl_cafile: Path | None = Field(None, description="CA that signed the brokers' certificates")
    kafka_sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], AnyCase] = Field(
        "PLAIN", description="Used when the protocol begins with SASL"
    )
    kafka_sasl_username: str = Field("", description="Used when the protocol begins with SASL")
    kafka_sasl_password: SecretStr | None = Field(None, description="Used when the protocol begins with SASL")
    kafka_timeout: float = Field(10.0, gt=0, description="Seconds until an unreachable broker is an error")
    kafka_linger_ms: int = Field(5, ge=0, description="Milliseconds that a batch waits to be filled")
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
    azure_redirect_uri: RedirectUri = Field(
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
    token_encryption_key: FernetKeys = Field(
        None, description="Fernet key for tokens at rest; several, comma-separated: the first one encrypts"
    )

    enrollment_directory: Path = Field(Path("enrollment"), description="Folder with one YAML per account")
    openai_api_key: SecretStr | None = Field(None, description="For services that you add; iacs hands it on")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], AnyCase] = Field(
        "INFO", description="Least level that is logged"
    )
    log_format: Annotated[Literal["auto", "console", "json"], AnyCase] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )

    _prefix: str = PrivateAttr("")
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        from iacs.core._settings.problems import problem_of, problems_of_files

        prefix = str(values.get("_env_prefix", self.model_config.get("env_prefix", ""))).upper()
        unknown = [
            name for name in values if not name.startswith("_") and name not in type(self).model_fields
        ]
        problems = [f"{name}: there is no such setting" for name in unknown]
        problems += problems_of_files(
            values.get("_env_file", self.model_config.get("env_file")), must_exist="_env_file" in values
        )
        try:
            super().__init__(**values)
        except ValidationError as error:
            for found in error.errors():
                name = str(found["loc"][0])
                field = type(self).model_fields[name]
                problems.append(f"{prefix}{name.upper()}: {problem_of(found, field)}")
        if problems:  # raised out here, the error does not carry pydantic's, which quotes secrets
            raise ConfigurationError(problems)
        self._prefix = prefix

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Record where each value comes from, after the sources have been asked."""
        return init_settings, env_settings, dotenv_settings, Origins(settings_cls)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_origins(cls, values: dict[str, Any], build: ModelWrapValidatorHandler[Self]) -> Self:
        origins = values.pop(ORIGINS, {})
        stripped = {
            name: value.strip() if isinstance(value, str) else value for name, value in values.items()
        }
        given = {name: value for name, value in stripped.items() if value != ""}
        config = build(given)
        config._origins = {name: origins[name] for name in given if name in origins}
        return config

    def sources(self) -> dict[str, Origin]:
        """Say of each setting, by field name, where its value comes from."""
        return {name: self._origins.get(name, "default") for name in type(self).model_fields}

    def rows(self) -> tuple[SettingRow, ...]:
        """Return every setting for display: by its name in the environment, with secrets masked."""
        from iacs.core._settings.problems import shown

        fields = type(self).model_fields
        return tuple(
            SettingRow(self._name(name), shown(name, getattr(self, name), fields[name]), at)
            for name, at in self.sources().items()
        )

    def require(self, *names: str) -> Self:
        """Return self; raise one ConfigurationError naming every setting of `names` that has no value."""
        fields = type(self).model_fields
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            hint = "is not set: put it into the environment or .env"
            raise ConfigurationError([f"{self._name(n)} {hint} ({fields[n].description})" for n in missing])
        return self

    def _name(self, field: str) -> str:
        return f"{self._prefix}{field.upper()}"


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the process's settings, read at the first call; for code outside a container."""
    return Config()
