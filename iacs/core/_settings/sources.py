"""Where the value of each setting comes from, recorded while the settings are read."""

from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

Origin = Literal["environment", ".env", "file", "default", "argument"]

ORIGINS = "origins of the values"
"""The key of the origins among the values while they are read; no setting can have this name."""

_BY_SOURCE: dict[str, Origin] = {
    "SecretsSettingsSource": "file",
    "DotEnvSettingsSource": ".env",
    "EnvSettingsSource": "environment",
    "InitSettingsSource": "argument",
}
"""Ascending: a later one wins."""


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
