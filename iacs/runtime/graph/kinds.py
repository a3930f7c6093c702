"""The kind of each provider and the providers that it needs, read without calling it.

A part is built once and kept; everything else is computed whenever something asks for it.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.scoped import ScopedResource, ScopedSingleton, ScopedValue

Provider = providers.Provider[Any]


class Kind(StrEnum):
    """The origin of a provider's value."""

    SINGLETON = "singleton"
    RESOURCE = "resource"
    GIVEN = "given"  # passed to the root container from outside
    LOCAL = "local"  # one object for each thread or context
    SCOPED_VALUE = "scoped value"  # passed in when a scope is entered
    SCOPED_SINGLETON = "scoped singleton"  # one per scope
    SCOPED_RESOURCE = "scoped resource"
    FACTORY = "factory"
    CALLABLE = "callable"
    COROUTINE = "coroutine"
    OBJECT = "object"
    ALIAS = "alias"  # another provider is used instead
    MISSING = "missing"  # a dependency that was not provided
    SELECTOR = "selector"
    LIST = "list"
    DICT = "dict"
    CONFIGURATION = "configuration"
    OPTION = "option"
    PROVIDED = "provided"
    ATTRIBUTE = "attribute"
    ITEM = "item"
    METHOD = "method"
    DELEGATE = "delegate"
    AGGREGATE = "aggregate"
    CONTAINER = "container"
    OTHER = "other"  # a provider class of the user's own


PARTS = frozenset({Kind.SINGLETON, Kind.RESOURCE, Kind.GIVEN})

SCOPED = frozenset({Kind.SCOPED_VALUE, Kind.SCOPED_SINGLETON, Kind.SCOPED_RESOURCE})
"""Kinds whose values live as long as a scope."""

CALLING = frozenset(
    {
        Kind.SINGLETON, Kind.RESOURCE, Kind.SCOPED_SINGLETON, Kind.SCOPED_RESOURCE, Kind.LOCAL, Kind.FACTORY,
        Kind.CALLABLE, Kind.COROUTINE,
    }
)  # fmt: skip
"""Kinds that call a class or a function of the user's with what is injected."""

PASSING_ON = frozenset({Kind.LIST, Kind.DICT, Kind.METHOD})
"""Kinds that take arguments and call nothing of the user's by themselves."""


@dataclass(frozen=True, slots=True)
class Need:
    """A provider that another one asks: under which name, and in which role.

    `via` is argument, keyword, attribute, item, key, branch, stand-in, default, of, root or target.
    A deferred one is handed over as a provider, to be asked later.
    """

    label: str
    via: str
    provider: Provider
    deferred: bool = False


_SCOPED_KINDS: dict[type[Any], Kind] = {
    ScopedValue: Kind.SCOPED_VALUE,
    ScopedSingleton: Kind.SCOPED_SINGLETON,
    ScopedResource: Kind.SCOPED_RESOURCE,
}
_KINDS: tuple[tuple[type[Provider], Kind], ...] = (
    (providers.ThreadLocalSingleton, Kind.LOCAL),
    (providers.ContextLocalSingleton, Kind.LOCAL),
    (providers.BaseSingleton, Kind.SINGLETON),
    (providers.BaseResource, Kind.RESOURCE),
    (providers.Factory, Kind.FACTORY),
    (providers.Coroutine, Kind.COROUTINE),
    (providers.Callable, Kind.CALLABLE),
    (providers.Configuration, Kind.CONFIGURATION),
    (providers.ConfigurationOption, Kind.OPTION),
    (providers.DependenciesContainer, Kind.CONTAINER),
    (providers.Container, Kind.CONTAINER),
    (providers.Self, Kind.CONTAINER),
    (providers.Object, Kind.OBJECT),
    (providers.Dependency, Kind.MISSING),
    (providers.Selector, Kind.SELECTOR),
    (providers.List, Kind.LIST),
    (providers.Dict, Kind.DICT),
    (providers.ProvidedInstance, Kind.PROVIDED),
    (providers.AttributeGetter, Kind.ATTRIBUTE),
    (providers.ItemGetter, Kind.ITEM),
    (providers.MethodCaller, Kind.METHOD),
    (providers.Delegate, Kind.DELEGATE),
    (providers.Aggregate, Kind.AGGREGATE),
)


def kind_of(provider: Provider) -> Kind:
    """Return how `provider` comes to its value as it stands, overridden or not."""
    if stand_in(provider) is not None:
        return Kind.ALIAS
    own = own_kind(provider)
    if own is Kind.MISSING and _attribute(provider, "default") is not None:
        return Kind.ALIAS
    return own


def own_kind(provider: Provider) -> Kind:
    """Return how `provider` itself comes to its value, whatever overrides it."""
    cls: type = type(provider)
    return _kind_of_class(cls)


@lru_cache(maxsize=256)
def _kind_of_class(cls: type) -> Kind:
    if cls in _SCOPED_KINDS:
        return _SCOPED_KINDS[cls]
    if _is_customized(cls):
        return Kind.OTHER
    return next((kind for known, kind in _KINDS if issubclass(cls, known)), Kind.OTHER)


def _is_customized(cls: type) -> bool:
    library = providers.__name__
    own = (part for part in cls.__mro__ if part.__module__ != library and part is not object)
    return any("__call__" in vars(part) or "_provide" in vars(part) for part in own)


def stand_in(provider: Provider) -> Provider | None:
    """Return the provider that overrides `provider` last, if its value comes from there."""
    last: Provider | None = provider.last_overriding
    if last is None or isinstance(provider, providers.Container | providers.DependenciesContainer):
        return None
    if isinstance(provider, providers.Configuration) and type(last) is providers.Object:
        return None  # how a configuration keeps what was loaded into it
    return last


def needs(provider: Provider) -> tuple[Need, ...]:
    """Return what `provider` asks for its value, in order; nothing is called."""
    other = stand_in(provider)
    if other is not None:
        return (Need("override", "stand-in", other),)
    return own_needs(provider)


def own_needs(provider: Provider) -> tuple[Need, ...]:
    """Return what `provider` itself would ask, whatever overrides it."""
    return tuple(_NEEDS[own_kind(provider)](provider))


def _calling(provider: Any) -> Iterator[Need]:
    if _is_provider(provider.provides):
        yield Need("provides", "target", provider.provides, deferred=True)
    yield from _arguments(provider)
    for name, value in _attribute(provider, "attributes", {}).items():
        yield from _need(name, "attribute", value)


def _arguments(provider: Any) -> Iterator[Need]:
    for position, value in enumerate(_attribute(provider, "args", ())):
        yield from _need(str(position), "argument", value)
    for name, value in _attribute(provider, "kwargs", {}).items():
        yield from _need(str(name), "keyword", value)
        if _is_provider(name):
            yield Need(f"{name}.key", "key", name, deferred=True)  # a dictionary keeps it as its key


def _need(label: str, via: str, value: Any) -> Iterator[Need]:
    if _is_provider(value):
        yield Need(label, via, value, deferred=is_delegated(value))


def _default(provider: Any) -> Iterator[Need]:
    if provider.default is not None:
        yield Need("default", "default", provider.default)


def _selector(provider: Any) -> Iterator[Need]:
    yield from _need("selector", "key", provider.selector)
    for name, branch in provider.providers.items():
        yield Need(name, "branch", branch)


def _option(provider: Any) -> Iterator[Need]:
    yield Need("configuration", "root", provider._get_root())  # no other way leads to it
    for position, segment in enumerate(provider.get_name_segments()):
        yield from _need(f"name.{position}", "key", segment)


def _of(provider: Any) -> Iterator[Need]:
    if _is_provider(provider.provides):
        yield Need("of", "of", provider.provides)


def _method(provider: Any) -> Iterator[Need]:
    yield from _of(provider)
    yield from _arguments(provider)


def _delegate(provider: Any) -> Iterator[Need]:
    yield Need("provider", "target", provider.provides, deferred=True)


def _aggregate(provider: Any) -> Iterator[Need]:
    for name, value in provider.providers.items():
        yield Need(str(name), "target", value, deferred=True)


def _object(provider: Any) -> Iterator[Need]:
    if _is_provider(provider.provides):
        yield Need("object", "target", provider.provides, deferred=True)


def _nothing(_provider: Any) -> Iterator[Need]:
    return iter(())


def _other(provider: Any) -> Iterator[Need]:
    for position, related in enumerate(provider.related):
        yield Need(str(position), "target", related)


_NEEDS: dict[Kind, Callable[[Any], Iterator[Need]]] = {
    **dict.fromkeys(Kind, _nothing),
    **dict.fromkeys(CALLING, _calling),
    **dict.fromkeys((Kind.LIST, Kind.DICT), _arguments),
    **dict.fromkeys((Kind.PROVIDED, Kind.ATTRIBUTE, Kind.ITEM), _of),
    Kind.MISSING: _default,
    Kind.SELECTOR: _selector,
    Kind.OPTION: _option,
    Kind.METHOD: _method,
    Kind.DELEGATE: _delegate,
    Kind.AGGREGATE: _aggregate,
    Kind.OBJECT: _object,
    Kind.OTHER: _other,
}


def children(provider: Provider) -> dict[str, Provider]:
    """Return the providers that `provider`, a container inside a container, names."""
    if isinstance(provider, providers.Container | providers.DependenciesContainer):
        return dict(provider.providers)  # type: ignore[arg-type] # the stub says one provider
    return {}


def is_delegated(value: Any) -> bool:
    """Return whether an argument is handed over as a provider rather than as its value."""
    seen = set[int]()
    while isinstance(value, providers.Dependency):  # the library asks the next one, and crashes in a circle
        seen.add(id(value))
        value = value.last_overriding or value.default
        if id(value) in seen:
            return False
    return bool(providers.is_delegated(value)) or isinstance(value, providers.Aggregate)


def is_asynchronous(provides: Any) -> bool:
    """Return whether calling `provides` gives something to await or to enter asynchronously."""
    if _is_provider(provides):
        return False
    made = inspect.unwrap(provides) if callable(provides) else provides
    if isinstance(made, type):
        return hasattr(made, "__aenter__") and not hasattr(made, "__enter__")
    return inspect.iscoroutinefunction(made) or inspect.isasyncgenfunction(made)


def _is_provider(value: Any) -> bool:
    return bool(providers.is_provider(value))


def _attribute(provider: Any, name: str, default: Any = None) -> Any:
    """Return an attribute of the library's own; others of its classes answer for any name."""
    cls: type = type(provider)
    return getattr(provider, name) if _declares(cls, name) else default


@lru_cache(maxsize=1024)
def _declares(cls: type, name: str) -> bool:
    return hasattr(cls, name)
