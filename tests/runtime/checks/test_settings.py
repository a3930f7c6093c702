"""Settings that do not exist or have the wrong type are reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import (
    Any,
    NamedTuple,
)

import pytest
from dependency_injector import containers, providers
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from iacs.core.exceptions import Finding, StartError
from iacs.runtime import Application
from iacs.runtime.checks import check
from tests.runtime.counted import container_of


class Base:
    pass


class Pair(NamedTuple):
    left: int


class Group(BaseModel):
    level: int = 1


class Settings(BaseSettings):
    password: SecretStr = SecretStr("")
    user: str = ""
    port: int = 1
    ratio: float = 1.0
    maybe: str | None = None
    group: Group = Group()

    @property
    def url(self) -> str:
        return ""


class FromEnvironment(BaseSettings):
    password: SecretStr


@dataclass
class Plain:
    port: int = 1

    def __post_init__(self) -> None:
        self.twice = self.port * 2


def reading(read: Callable[[Any], Any], wanted: Any, settings: Any = Settings) -> tuple[Finding, ...]:
    def consume(value):  # type: ignore[no-untyped-def]
        raise AssertionError("called")

    consume.__annotations__ = {"value": wanted}
    config = providers.Singleton(settings)
    return check(container_of(config=config, part=providers.Singleton(consume, value=read(config.provided))))


@pytest.mark.parametrize(
    ("read", "wanted", "words"),
    [
        (lambda it: it.password, str, "get_secret_value"),
        (lambda it: it.user, SecretStr, "declare it as SecretStr"),
        (lambda it: it.port, str, "int from config.provided.port"),
        (lambda it: it.user, int, "str from config.provided.user"),
        (lambda it: it.maybe, int, "str | None"),
        (lambda it: it.ratio, int, "float"),
        (lambda it: it.group, int, "Group"),
        (lambda it: it.group.level, str, "int"),
        (lambda it: it.url, int, "str"),
    ],
)
def test_a_setting_of_the_wrong_type_is_reported(read: Callable[[Any], Any], wanted: Any, words: str) -> None:
    (finding,) = reading(read, wanted)
    assert (finding.path, finding.kind) == ("part", "setting")
    assert words in finding.message


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (lambda it: it.password, SecretStr),
        (lambda it: it.password.get_secret_value.call(), str),
        (lambda it: it.port, int),
        (lambda it: it.port, float),
        (lambda it: it.maybe, str),
        (lambda it: it.maybe, str | None),
        (lambda it: it.group.level, int),
        (lambda it: it.url, str),
        (lambda it: it.model_dump.call(), dict),
        (lambda it: it.model_fields_set, set),
    ],
)
def test_a_setting_of_the_right_type_is_left_alone(read: Callable[[Any], Any], wanted: Any) -> None:
    assert reading(read, wanted) == ()


@pytest.mark.parametrize(
    ("settings", "read", "words"),
    [
        (Settings, lambda it: it.prot, "Settings.prot, which does not exist: did you mean 'port'?"),
        (Settings, lambda it: it.group.lvel, "Group.lvel, which does not exist: did you mean 'level'?"),
        (Settings, lambda it: it.nothing_like_it, "add 'nothing_like_it' to Settings"),
        (Plain, lambda it: it.prot, "Plain.prot, which does not exist: did you mean 'port'?"),
        (Pair, lambda it: it.lft, "Pair.lft, which does not exist: did you mean 'left'?"),
    ],
)
def test_a_setting_that_does_not_exist_is_reported(
    settings: Any, read: Callable[[Any], Any], words: str
) -> None:
    findings = [finding for finding in reading(read, Any, settings) if finding.kind != "arity"]
    assert [(finding.path, finding.kind) for finding in findings] == [("part", "setting")]
    assert words in findings[0].message


def test_a_named_reading_of_an_unknown_setting_is_reported_under_its_name() -> None:
    config = providers.Singleton(Settings)
    (finding,) = check(container_of(config=config, port=config.provided.prot))
    assert (finding.path, finding.kind) == ("port", "setting")


class OpenSettings(BaseSettings):
    model_config = SettingsConfigDict(extra="allow")
    port: int = 1


class Answering(BaseSettings):
    port: int = 1

    def __getattr__(self, name: str) -> Any:
        return name


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        (OpenSettings, lambda it: it.prot),
        (Answering, lambda it: it.prot),
        (Plain, lambda it: it.twice),
        (Base, lambda it: it.anything),
        (dict, lambda it: it["anything"]),
    ],
)
def test_a_setting_that_may_exist_is_left_alone(settings: Any, read: Callable[[Any], Any]) -> None:
    assert reading(read, Any, settings) == ()


def configured(read: Callable[[Any], Any], wanted: Any = Any, **options: Any) -> tuple[Finding, ...]:
    def consume(value):  # type: ignore[no-untyped-def]
        raise AssertionError("called")

    consume.__annotations__ = {"value": wanted}
    data = options.pop("data", None)
    config = providers.Configuration(**options)
    if data is not None:
        config.from_dict(data)
    return check(container_of(config=config, part=providers.Singleton(consume, read(config))))


@pytest.mark.parametrize(
    ("read", "options"),
    [
        (lambda it: it.prot, {"pydantic_settings": [Settings]}),
        (lambda it: it.group.lvel, {"pydantic_settings": [Settings]}),
        (lambda it: it.prot.as_int(), {"pydantic_settings": [Settings]}),
        (lambda it: it.prot, {"strict": True, "data": {"port": 1}}),
        (lambda it: it.group.lvel, {"strict": True, "data": {"group": {"level": 1}}}),
        (lambda it: it.prot.required(), {"data": {"port": 1}}),
    ],
)
def test_an_option_that_cannot_exist_is_reported(read: Callable[[Any], Any], options: dict[str, Any]) -> None:
    (finding,) = configured(read, **options)
    assert (finding.path, finding.kind) == ("part", "setting")
    assert "which" in finding.message


def test_an_option_of_the_wrong_type_is_reported() -> None:
    (finding,) = configured(lambda it: it.port, str, pydantic_settings=[Settings])
    assert (finding.path, finding.kind) == ("part", "setting")


@pytest.mark.parametrize(
    ("read", "options"),
    [
        (lambda it: it.prot, {}),
        (lambda it: it.prot, {"strict": True}),
        (lambda it: it.prot.required(), {}),
        (lambda it: it.prot, {"data": {"port": 1}}),
        (lambda it: it.port, {"strict": True, "data": {"port": 1}}),
        (lambda it: it.port, {"strict": True, "default": {"port": 1}}),
        (lambda it: it.port, {"pydantic_settings": [Settings]}),
        (lambda it: it.group, {"pydantic_settings": [Settings]}),
        (lambda it: it.group.level, {"pydantic_settings": [Settings]}),
        (lambda it: it.prot, {"pydantic_settings": [Settings], "yaml_files": ["more.yml"]}),
        (lambda it: it.prot, {"pydantic_settings": [Settings], "data": {"prot": 1}}),
    ],
)
def test_an_option_that_may_be_there_is_left_alone(
    read: Callable[[Any], Any], options: dict[str, Any]
) -> None:
    assert configured(read, **options) == ()


def test_the_options_handed_to_an_inner_container_are_followed() -> None:
    class Inner(containers.DeclarativeContainer):
        config = providers.Configuration(strict=True)
        part = providers.Singleton(str, config.level)
        broken = providers.Singleton(str, config.lvel)

    class Outer(containers.DeclarativeContainer):
        config = providers.Configuration()
        inner = providers.Container(Inner, config=config.group)

    container = Outer()
    assert check(container) == ()
    container.config.from_dict({"group": {"level": 1}})
    assert [(finding.path, finding.kind) for finding in check(container)] == [("inner.broken", "setting")]
    container.config.override({"other": 1})
    assert [finding.path for finding in check(container)] == ["inner.broken", "inner.part"]


class Strict(containers.DeclarativeContainer):
    config = providers.Configuration(strict=True)
    part = providers.Singleton(str, config.group.level)
    outer = providers.Singleton(str, part)


class Required(containers.DeclarativeContainer):
    config = providers.Configuration()
    outer = providers.Singleton(int, config.group.level.required())


class Converted(containers.DeclarativeContainer):
    config = providers.Configuration(strict=True)
    outer = providers.Singleton(str, config.group.level.as_(str))


@pytest.mark.parametrize("kind", [Strict, Required, Converted])
def test_an_option_that_is_not_loaded_by_the_start_is_named(
    kind: type[containers.DeclarativeContainer],
) -> None:
    container: Any = kind()
    app = Application(container)  # it may still be loaded
    with pytest.raises(StartError, match=r"group\.level is required") as failed, app.sync():
        pass
    assert "load it before the start" in failed.value.hint
    container.config.from_dict({"group": {"level": "5"}})
    with app.sync():
        assert app["outer"]
