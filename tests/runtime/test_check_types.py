"""Arguments and settings whose type cannot be right are found; what may be right is left alone."""

import enum
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Protocol,
    TypedDict,
    TypeVar,
    runtime_checkable,
)

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from iacs.core.exceptions import Finding
from iacs.runtime.check import check
from iacs.runtime.matching import Argument, bind

T = TypeVar("T")
Bound = TypeVar("Bound", bound=Exception)
OneOf = TypeVar("OneOf", str, bytes)
UserId = NewType("UserId", int)


class Base:
    def query(self) -> str:
        raise AssertionError("built")


class Sub(Base):
    pass


class Other:
    pass


class Queries(Protocol):
    def query(self) -> str: ...


@runtime_checkable
class Named(Protocol):
    name: str


class HasName:
    def __init__(self) -> None:
        self.name = ""


class Color(enum.Enum):
    RED = "red"


class Row(TypedDict):
    id: int


class Pair(NamedTuple):
    left: int


class Repository(Generic[T]):
    pass


def make_base() -> Base:
    raise AssertionError("called")


def make_maybe() -> Base | None:
    raise AssertionError("called")


def make_none() -> None:
    raise AssertionError("called")


def make_numbers() -> list[int]:
    raise AssertionError("called")


def make_users() -> Repository[int]:
    raise AssertionError("called")


def container_of(**parts: providers.Provider[Any]) -> containers.DynamicContainer:
    container = containers.DynamicContainer()
    for name, provider in parts.items():
        setattr(container, name, provider)
    return container


def found_for(value: Any, wanted: Any) -> tuple[Finding, ...]:
    def consume(value):  # type: ignore[no-untyped-def]
        raise AssertionError("called")

    consume.__annotations__ = {"value": wanted}
    by_position = check(container_of(part=providers.Singleton(consume, value)))
    by_name = check(container_of(part=providers.Singleton(consume, value=value)))
    assert by_position == by_name
    return by_position


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (providers.Singleton(Other), Base),
        (providers.Singleton(Base), Sub),
        (providers.Singleton(Other), "Base"),
        (providers.Singleton(Other), Base | None),
        (providers.Singleton(Other), Base | int),
        (providers.Singleton(Other), Queries),
        (providers.Singleton(Base), Named),
        (providers.Singleton(Base), Callable[[], str]),
        (providers.Singleton(Other), Annotated[Base, "the"]),
        (providers.Singleton(Other), list[int]),
        (providers.Singleton(Other), UserId),
        (providers.Singleton(Other), Bound),
        (providers.Singleton(Other), OneOf),
        (providers.Singleton(Other), type[Other]),
        (providers.Singleton(Other), Color),
        (providers.Singleton(Other), Row),
        (providers.Singleton(Other), None),
        (providers.Callable(make_base), Other),
        (providers.Callable(make_maybe), Other),
        (providers.Callable(make_none), Base),
        (providers.Callable(make_numbers), list[str]),
        (providers.Callable(make_numbers), Sequence[str]),
        (providers.Callable(make_users), Repository[str]),
        (providers.Callable(str, 1), int),
        (providers.Configuration().port.as_int(), str),
        (providers.List(providers.Singleton(Other)), list[Base]),
        (providers.List(providers.Singleton(Base), providers.Singleton(Other)), Iterable[Base]),
        (providers.List(), dict[str, int]),
        (providers.Dict(a=providers.Singleton(Other)), Mapping[str, Base]),
        (providers.Selector(lambda: "a", a=providers.Singleton(Base), b=providers.Singleton(Other)), Base),
        (providers.Object(Base), Base),
        (providers.Object(Base), type[Other]),
        (providers.Factory(Base).provider, Base),
        (providers.Delegate(providers.Factory(Base)), Base),
        (providers.DelegatedSingleton(Base), Base),
        ("text", int),
        (1, str),
        (1.5, int),
        ("text", bytes),
        (None, str),
        ("blue", Literal["red", "green"]),
        (2, Literal[1]),
        ("red", Color),
        ("/tmp", Path),  # noqa: S108 - no file is opened
        ([1, "two"], list[int]),
        ({"a": "b"}, dict[str, int]),
        ((1,), list[int]),
        (Base, Base),
        (len, Base),
    ],
)
def test_what_cannot_be_right_is_found(value: Any, wanted: Any) -> None:
    (finding,) = found_for(value, wanted)
    assert (finding.path, finding.kind) == ("part", "type")
    assert "consume() wants" in finding.message
    assert "'value" in finding.message


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (providers.Singleton(Sub), Base),
        (providers.Singleton(Base), Queries),
        (providers.Singleton(HasName), Named),
        (providers.Singleton(Sub), Base | None),
        (providers.Singleton(Sub), "Base"),
        (providers.Singleton(Other), "NotImported"),
        (providers.Singleton(Other), Any),
        (providers.Singleton(Other), object),
        (providers.Singleton(Other), T),
        (providers.Singleton(Other), Annotated[Other, "the"]),
        (providers.Singleton(dict), Row),
        (providers.Singleton(dict), Mapping[str, int]),
        (providers.Singleton(list), Iterable[str]),
        (providers.Singleton(Pair, 1), tuple[int]),
        (providers.Callable(make_base), Sub),
        (providers.Callable(make_maybe), Base),
        (providers.Callable(make_numbers), Sequence[float]),
        (providers.Callable(make_users), Repository),
        (providers.Callable(make_users), Repository[int]),
        (providers.Callable(lambda: 1), Base),
        (providers.Callable(int, "1"), float),
        (providers.Configuration().port, int),
        (providers.List(providers.Singleton(Sub)), list[Base]),
        (providers.List(providers.Singleton(Sub)), Sequence[Base] | None),
        (providers.Dict(a=providers.Singleton(Sub)), dict[str, Base]),
        (providers.Object(Sub), type[Base]),
        (providers.Object(Sub), Callable[[], Base]),
        (providers.Object(Sub), type),
        (providers.Factory(Base).provider, Callable[[], Base]),
        (providers.Factory(Base).provider, providers.Factory),
        (providers.Factory(Base).provider, providers.Provider[Base]),
        (providers.DelegatedFactory(Base), Callable[..., Any]),
        (providers.FactoryAggregate(a=providers.Factory(Base)), providers.FactoryAggregate),
        (1, float),
        (True, int),
        (1, UserId),
        (1, complex),
        ("a", OneOf),
        (None, str | None),
        (None, None),
        (b"", bytes),
        ("red", Literal["red"]),
        (Color.RED, Color),
        (Path(), Path),
        ([1, 2], list[int]),
        ({"a": 1}, Mapping[str, float]),
        (("a", "b"), Sequence[str]),
        (len, Callable[..., int]),
        (Base, type[Base]),
    ],
)
def test_what_may_be_right_is_left_alone(value: Any, wanted: Any) -> None:
    assert found_for(value, wanted) == ()


def test_a_mock_fits_everywhere() -> None:
    from unittest.mock import MagicMock, Mock

    for value in (providers.Singleton(Mock), providers.Object(MagicMock())):
        assert found_for(value, Base) == ()


def test_none_fits_where_it_is_the_default() -> None:
    def consume(value: str = None) -> None:  # type: ignore[assignment] # noqa: RUF013 - as older code writes it
        raise AssertionError("called")

    assert check(container_of(part=providers.Singleton(consume, None))) == ()


def test_an_argument_among_many_is_judged_by_its_own_annotation() -> None:
    def consume(first: int, *rest: str, last: Base, **more: bytes) -> None:
        raise AssertionError("called")

    part = providers.Singleton(consume, 1, "a", 2, last=providers.Singleton(Other), x=b"", y="")
    messages = " ".join(each.message for each in check(container_of(part=part)))
    assert [f"'{name}'" in messages for name in ("first", "rest", "last", "more")] == [
        False,
        True,
        True,
        True,
    ]


def test_a_class_given_in_its_parents_place_is_found_by_the_constructors_name() -> None:
    def consume(it: Queries) -> None:
        raise AssertionError("called")

    other = providers.Singleton(Other)
    (finding,) = check(container_of(other=other, part=providers.Singleton(consume, other)))
    assert finding.message.partition("<locals>.")[2] == (
        "consume() wants Queries as 'it', and Other from other is given, which lacks query: "
        "give it what it wants, or correct the annotation"
    )


def test_a_dependency_is_compared_with_what_it_is_given() -> None:
    class Module(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)
        service = providers.Singleton(Repository[int], base=base)

    class Consumer(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)
        part = providers.Singleton(repr, base)

    (finding,) = check(Consumer(base=providers.Singleton(Other)))
    assert (finding.path, finding.kind) == ("base", "type")
    assert "Dependency(Base) is given Other" in finding.message
    assert check(Consumer(base=providers.Singleton(Sub))) == ()
    assert check(Consumer(base=providers.Callable(lambda: 1))) == ()


def test_a_wrong_type_handed_down_through_containers_is_told_once_where_it_starts() -> None:
    class Inner(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)

    class Outer(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)
        inner = providers.Container(Inner, base=base)

    assert [each.path for each in check(Outer(base=providers.Singleton(Other)))] == ["base"]


def test_an_attribute_is_compared_with_the_class() -> None:
    class Holder:
        base: Base
        free: Any

    part = providers.Factory(Holder).add_attributes(base=providers.Singleton(Other), free=1, unknown=2)
    (finding,) = check(container_of(part=part))
    assert (finding.path, finding.kind) == ("part", "type")
    assert "Holder.base wants Base" in finding.message


def test_a_constant_that_may_be_a_secret_is_not_shown() -> None:
    (finding,) = found_for("hunter2", int)
    assert "hunter2" not in finding.message


# settings


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
def test_a_setting_of_another_type_is_found(read: Callable[[Any], Any], wanted: Any, words: str) -> None:
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
def test_a_setting_that_does_not_exist_is_found(
    settings: Any, read: Callable[[Any], Any], words: str
) -> None:
    found = [each for each in reading(read, Any, settings) if each.kind != "arity"]
    assert [(each.path, each.kind) for each in found] == [("part", "setting")]
    assert words in found[0].message


def test_a_named_reading_of_a_setting_that_does_not_exist_is_found_under_its_name() -> None:
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
def test_an_option_that_cannot_be_there_is_found(read: Callable[[Any], Any], options: dict[str, Any]) -> None:
    (finding,) = configured(read, **options)
    assert (finding.path, finding.kind) == ("part", "setting")
    assert "which" in finding.message


def test_an_option_of_another_type_is_found() -> None:
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
    assert [(each.path, each.kind) for each in check(container)] == [("inner.broken", "setting")]


# models as constructors


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    port: int
    name: str = Field(default="", alias="Name")


@pytest.mark.parametrize(
    ("provider", "kinds"),
    [
        (providers.Singleton(Strict, port="1"), []),
        (providers.Singleton(Strict, port=1, Name="a"), []),
        (providers.Singleton(Strict), ["arity"]),
        (providers.Singleton(Strict, port=1, prot=2), ["arity"]),
        (providers.Singleton(Strict, 1, port=1), ["arity"]),
        (providers.Singleton(Group, port=1), []),
        (providers.Singleton(Settings), []),
        (providers.Singleton(Settings, _env_file=None), []),
    ],
)
def test_a_pydantic_model_takes_what_it_converts(provider: providers.Provider[Any], kinds: list[str]) -> None:
    assert [each.kind for each in check(container_of(part=provider))] == kinds


# open inputs

names = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def signatures(draw: st.DrawFn) -> inspect.Signature:
    kinds = sorted(draw(st.lists(st.sampled_from(list(inspect._ParameterKind)), max_size=4)))
    single = [kind for kind in inspect._ParameterKind if kind.name.startswith("VAR")]
    kinds = [kind for place, kind in enumerate(kinds) if kind not in single or kind not in kinds[:place]]
    parameters: list[inspect.Parameter] = []
    defaults = False
    for name, kind in zip("abcd", kinds, strict=False):
        optional = kind not in single and (draw(st.booleans()) or (defaults and kind < kind.VAR_POSITIONAL))
        defaults = defaults or optional
        parameters.append(inspect.Parameter(name, kind, default=1 if optional else inspect.Parameter.empty))
    return inspect.Signature(parameters)


@given(signature=signatures(), positions=st.integers(0, 5), keywords=st.sets(names))
def test_arguments_meet_parameters_as_in_a_call(
    signature: inspect.Signature, positions: int, keywords: set[str]
) -> None:
    arguments = [Argument(str(each), "argument", each, None) for each in range(positions)]
    arguments += [Argument(each, "keyword", each, None) for each in sorted(keywords)]
    bound = bind(signature, tuple(arguments))
    try:
        expected = signature.bind(*range(positions), **dict.fromkeys(sorted(keywords), 1))
    except TypeError:
        assert bound.surplus or bound.unknown or bound.twice or bound.missing
    else:
        assert bound.surplus == 0
        assert bound.unknown + bound.twice + bound.missing == []
        assert {parameter.name for parameter, _ in bound.pairs} == set(expected.arguments)


leaves = st.sampled_from(
    [
        int,
        str,
        Base,
        Queries,
        None,
        Any,
        T,
        Color,
        Row,
        "Base",
        "Missing",
        "1 +",
        Literal["a"],
        5,
        object(),
        ...,
    ]
)
annotations = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | inner.map(lambda each: types.GenericAlias(list, each))
        | st.tuples(inner, inner).map(lambda pair: types.GenericAlias(dict, pair))
        | inner.map(lambda each: types.GenericAlias(type, each))
    ),
)
values = st.sampled_from(
    [
        1,
        "a",
        None,
        [1],
        {"a": 1},
        Base,
        len,
        providers.Singleton(Base),
        providers.Object(Base),
        providers.List(),
    ]
)


@given(annotation=annotations, value=values)
def test_no_annotation_makes_the_check_raise(annotation: Any, value: Any) -> None:
    found_for(value, annotation)
