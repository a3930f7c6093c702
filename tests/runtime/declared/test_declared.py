"""What a provider is declared to give, for each way to declare it."""

import contextlib
import functools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Optional, Protocol, TypeVar

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings

from iacs.runtime.declared import class_of, declared_type
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.graph.graph import read_graph
from tests.runtime.declaring import (
    Argued,
    Better,
    Color,
    Initialised,
    Itself,
    Name,
    Part,
    Point,
    Session,
    Silent,
    T,
    annotated,
    anything,
    awaitable,
    awaited,
    cached,
    decorated,
    for_the_checker_only,
    generating,
    generating_later,
    generating_more,
    generic,
    managed,
    managed_later,
    managing,
    nested,
    quoted,
    silent,
)


def given_by(provider: providers.Provider[Any]) -> Any:
    container = containers.DynamicContainer()
    container.it = provider
    graph = read_graph(container)
    return declared_type(graph, graph.paths["it"])


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (providers.Singleton(Part), Part),
        (providers.ThreadSafeSingleton(Part), Part),
        (providers.ContextLocalSingleton(Part), Part),
        (providers.Factory(Part), Part),
        (providers.DelegatedFactory(Part), Part),
        (providers.Callable(annotated), Part),
        (providers.Callable(quoted), Part),
        (providers.Callable(nested), list[Part]),
        (providers.Callable(for_the_checker_only), UNKNOWN),
        (providers.Callable(silent), UNKNOWN),
        (providers.Callable(anything), UNKNOWN),
        (providers.Callable(generic), UNKNOWN),
        (providers.Callable(cached), Part),
        (providers.Callable(decorated), Part),
        (providers.Callable(functools.partial(annotated)), Part),
        (providers.Callable(functools.partial(Part, 1)), Part),
        (providers.Callable(Part.create), Part),
        (providers.Callable(Better.create), Better),
        (providers.Callable(Part.text), str),
        (providers.Callable(len), UNKNOWN),
        (providers.Callable(lambda: 1), UNKNOWN),
        (providers.Callable(Path, "."), Path),
        (providers.Callable(Name, "x"), Name),
        (providers.Callable(Color, 1), Color),
        (providers.Factory(Point, 1), Point),
        (providers.Factory(list[int]), list[int]),
        (providers.Coroutine(awaited), Part),
        (providers.Singleton(awaited), Part),
        (providers.Singleton(awaitable), Part),
        (providers.Callable(generating), Iterator[Part]),
        (providers.Callable(managed), contextlib.AbstractContextManager),
        (providers.Callable(managed_later), contextlib.AbstractAsyncContextManager),
        (providers.Resource(annotated), Part),
        (providers.Resource(awaited), Part),
        (providers.Resource(generating), Part),
        (providers.Resource(generating_more), Part),
        (providers.Resource(generating_later), Part),
        (providers.Resource(managed), Part),
        (providers.Resource(managed_later), Part),
        (providers.Resource(managing), Part),
        (providers.Resource(Session), Part),
        (providers.Resource(Itself), Itself),
        (providers.Resource(Silent), Silent),
        (providers.Resource(Part), Part),
        (providers.Resource(Initialised), Part),
        (providers.Resource(Argued), Part),
        (providers.ContextLocalResource(generating), Part),
        (providers.Object(1), int),
        (providers.Object(None), type(None)),
        (providers.Object(Part), type[Part]),
        (providers.List(providers.Object(1)), list),
        (providers.Dict(a=providers.Object(1)), dict),
        (providers.Delegate(providers.Factory(Part)), providers.Provider),
        (providers.Dependency(instance_of=Part), Part),
        (providers.Dependency(), UNKNOWN),
        (providers.Factory(), UNKNOWN),
        (providers.Configuration(), UNKNOWN),
        (providers.Configuration().port, UNKNOWN),
        (providers.Configuration().port.as_int(), int),
        (providers.Container(containers.DeclarativeContainer), UNKNOWN),
        (providers.Factory(providers.Factory(Part)), Part),
        (providers.Selector(lambda: "a", a=providers.Factory(Part), b=providers.Singleton(Part)), Part),
        (providers.Selector(lambda: "a", a=providers.Factory(Part), b=providers.Factory(Better)), UNKNOWN),
        (providers.Selector(lambda: "a"), UNKNOWN),
    ],
)
def test_every_shape_declares_the_type_of_its_value(provider: providers.Provider[Any], expected: Any) -> None:
    assert given_by(provider) == expected


def test_an_override_gives_what_stands_in() -> None:
    provider = providers.Singleton(Part)
    provider.override(providers.Singleton(Better))
    assert given_by(provider) is Better


def test_a_dependency_gives_its_target_and_its_own_word_when_that_is_silent() -> None:
    typed, silenced = (providers.Dependency(instance_of=Part) for _ in range(2))
    typed.override(providers.Factory(Better))
    silenced.override(providers.Callable(silent))
    assert given_by(typed) is Better
    assert given_by(silenced) is Part


@dataclass
class Nested:
    deep: "Part"
    names: list[str] = field(default_factory=list)
    byname: Mapping[str, Part] = field(default_factory=dict)

    @property
    def read(self) -> Path:
        raise AssertionError("read")

    @functools.cached_property
    def once(self) -> Point:
        raise AssertionError("read")

    def opened(self, how: str) -> "Part":
        raise AssertionError("called")


class Holder(Generic[T]):
    held: T
    part: typing.ClassVar[Part]


class Settings(BaseSettings):
    secret: SecretStr = SecretStr("")
    port: int = 1
    maybe: Optional[str] = None  # noqa: UP045 - the older spelling
    short: Annotated[str, "few letters"] = ""
    group: "Group | None" = None


class Group(BaseModel):
    level: Literal["low", "high"] = "low"


@pytest.mark.parametrize(
    ("provided", "expected"),
    [
        (lambda: providers.Singleton(Settings).provided.secret, SecretStr),
        (lambda: providers.Singleton(Settings).provided.port, int),
        (lambda: providers.Singleton(Settings).provided.maybe, str | None),
        (lambda: providers.Singleton(Settings).provided.short, str),
        (lambda: providers.Singleton(Settings).provided.group.level, Literal["low", "high"]),
        (lambda: providers.Singleton(Settings).provided.typo, UNKNOWN),
        (lambda: providers.Singleton(Nested).provided.deep, Part),
        (lambda: providers.Singleton(Nested).provided.deep.text.call(), str),
        (lambda: providers.Singleton(Nested).provided.opened.call("r"), Part),
        (lambda: providers.Singleton(Nested).provided.names[0], str),
        (lambda: providers.Singleton(Nested).provided.byname["a"], Part),
        (lambda: providers.Singleton(Nested).provided.read, Path),
        (lambda: providers.Singleton(Nested).provided.once.x, int),
        (lambda: providers.Singleton(Nested).provided.typo.more["x"].call(), UNKNOWN),
        (lambda: providers.Singleton(Holder).provided.held, UNKNOWN),
        (lambda: providers.Singleton(Holder).provided.part, Part),
        (lambda: providers.Object(Color).provided.RED, UNKNOWN),
    ],
)
def test_a_provided_attribute_has_its_annotated_type(provided: Any, expected: Any) -> None:
    assert given_by(provided()) == expected


def test_providers_that_override_each_other_have_an_unknown_type() -> None:
    one, other = providers.Callable(silent), providers.Callable(silent)
    one.override(other.provided.a)
    other.override(one.provided.b)
    assert given_by(one) is UNKNOWN


def test_a_chain_thousands_long_is_followed() -> None:
    provider: Any = providers.Singleton(Part)
    for _ in range(5000):
        outer: providers.Dependency[Any] = providers.Dependency()
        outer.override(provider)
        provider = outer
    assert given_by(provider) is Part


class Named(Protocol):
    name: str


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Part, Part),
        (Named, Named),
        (list[int], list),
        (Mapping[str, int], Mapping),
        (Optional[Part], Part),  # noqa: UP045 - the older spelling
        (Part | None, Part),
        (Part | int, None),
        (None | None.__class__, type(None)),
        (Annotated[Part, 1], Part),
        (Annotated[Part | None, 1], Part),
        (Name, str),
        (type[Part], type),
        (T, None),
        (TypeVar("T", bound=Part), Part),
        (Literal["a"], None),
        (Any, None),
        (UNKNOWN, None),
        ("Part", None),
    ],
)
def test_an_annotation_has_one_class_or_none(annotation: Any, expected: type | None) -> None:
    assert class_of(annotation) is expected


leaves = st.sampled_from(
    [
        int,
        str,
        Part,
        None,
        Any,
        T,
        "Part",
        "Missing",
        "1 +",
        "a.b",
        "Part[int]",
        5,
        object(),
        Literal["a"],
        ...,
    ]
)
annotations = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(annotation=annotations)
def test_no_annotation_is_too_strange_to_read(annotation: Any) -> None:
    def made(value: Any) -> None: ...

    made.__annotations__ = {"value": annotation, "return": annotation}
    given_by(providers.Resource(made))
    given_by(providers.Callable(made).provided.a[0].call())
    class_of(annotation)
