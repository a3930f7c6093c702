"""Sources of settings besides pydantic's: files that variables name, and a record of where each value comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from iacs.core.exceptions import ConfigurationError

Origin = Literal["environment", ".env", "file", "default", "argument"]

ORIGINS = "origins of the values"
"""The key of the origins among the values while they are read; no setting can have this name."""

_BY_SOURCE: dict[str, Origin] = {
    "SecretsSettingsSource": "file",
    "DotEnvSettingsSource": ".env",
    "SecretFiles": "file",
    "EnvSettingsSource": "environment",
    "InitSettingsSource": "argument",
}
"""Ascending: a later one wins."""


def is_secret_field(field: FieldInfo) -> bool:
    """Return whether a setting's value must not be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


class SecretFiles(PydanticBaseSettingsSource):
    """A source that reads secrets from files, as containers mount them: `NAME_FILE` has the path of the one for NAME.

    `variables` are those of the environment and of `.env`, by their names in lower case.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], prefix: str, variables: Mapping[str, str | None]
    ) -> None:
        super().__init__(settings_cls)
        self._prefix = prefix
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the content of the file for a setting, None without one; raise ConfigurationError."""
        variable = f"{self._prefix}{field_name}_file"
        path = self._variables.get(variable.lower()) if is_secret_field(field) else None
        if not path:
            return None, field_name, False
        problem = ""
        try:
            return Path(path).expanduser().read_text("utf-8").strip(), field_name, False
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:  # which contains the secret
            problem = "is not UTF-8"
        raise ConfigurationError(
            [f"{variable.upper()}: {path} {problem}"], hint="name a file that this user can read"
        )

    def __call__(self) -> dict[str, Any]:
        """Return the secrets by their fields."""
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Origins(PydanticBaseSettingsSource):
    """A source that comes last, adds no value, and records which of the sources before it provided each value."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return no value."""
        return None, field_name, False  # pragma: no cover - the base class asks for it and never calls it

    def __call__(self) -> dict[str, Any]:
        """Return the origins alone."""
        given = self.settings_sources_data
        return {
            ORIGINS: {name: origin for source, origin in _BY_SOURCE.items() for name in given.get(source, {})}
        }
