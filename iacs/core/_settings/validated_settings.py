"""Settings that are validated once, together, and know where each value comes from."""

import os
from typing import Any, NamedTuple, Self

from pydantic import ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from iacs.core._settings.env_file import literal_values, problems_of_files, unlogged_parsing, unread_file
from iacs.core._settings.sources import ORIGINS, Origin, Origins, SecretFiles, is_secret_field
from iacs.core.exceptions import ConfigurationError


class SettingRow(NamedTuple):
    """One setting as it may be shown to anybody."""

    name: str
    value: str
    source: Origin


class ValidatedSettings(BaseSettings):
    """Settings from the environment and `.env`; `ConfigurationError` lists every problem of all of them."""

    model_config = SettingsConfigDict(
        allow_inf_nan=False,
        env_file=".env",
        env_file_encoding="utf-8-sig",  # with or without a byte order mark
        env_ignore_empty=False,  # so that an empty variable precedes what .env sets
        extra="ignore",
        frozen=True,
        validate_default=False,
    )

    _prefix: str = PrivateAttr("")
    _unread_file: str = PrivateAttr("")
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        from iacs.core._settings.problems import hint_of, problem_of
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
            with unlogged_parsing():
                super().__init__(**values)
        except ValidationError as error:
            for details in error.errors():
                name = str(details["loc"][0])
                problem = problem_of(details, fields[name])
                colon = "" if problem.startswith(("is ", "must ")) else ":"
                problems.append(f"{prefix}{name.upper()}{colon} {problem}")
                hints[hint_of(details)] = None
        else:
            self._prefix = prefix
            path = None if "_env_file" in values else unread_file(self.model_config.get("env_file"))
            self._unread_file = f"{path} is not read: only a file in the current folder is" if path else ""
            problems += self._contradictions()
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

    def _contradictions(self) -> list[str]:
        """Describe settings that are valid alone and contradict each other."""
        return []

    def _name(self, field: str) -> str:
        return f"{self._prefix}{field.upper()}"
