"""The kind of each provider, read without calling it.

A part is built once and kept; everything else is computed whenever it is requested.
"""

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.scoped import ContextProvider, ScopedResource, ScopedSingleton, ScopedValue

Provider = providers.Provider[Any]


class Kind(StrEnum):
    """The origin of a provider's value."""

    SINGLETON = "singleton"
    RESOURCE = "resource"
    GIVEN = "given"  # passed to the root container from outside
    LOCAL = "local"  # one object for each thread
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


_SCOPED_KINDS: dict[type[Any], Kind] = {
    ScopedValue: Kind.SCOPED_VALUE,
    ScopedSingleton: Kind.SCOPED_SINGLETON,
    ScopedResource: Kind.SCOPED_RESOURCE,
}
_KINDS: tuple[tuple[type[Provider], Kind], ...] = (
    (providers.ThreadLocalSingleton, Kind.LOCAL),
    (providers.ContextLocalSingleton, Kind.SCOPED_SINGLETON),
    (providers.BaseSingleton, Kind.SINGLETON),
    (providers.ContextLocalResource, Kind.SCOPED_RESOURCE),
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


def is_context_local(provider: Provider) -> bool:
    """Return whether a provider is one of the library's own that keep an object for each context."""
    return isinstance(provider, providers.ContextLocalSingleton | providers.ContextLocalResource)


def kind_of(provider: Provider) -> Kind:
    """Return the kind of `provider` as it is now, overridden or not."""
    if stand_in(provider) is not None:
        return Kind.ALIAS
    own = own_kind(provider)
    if own is Kind.MISSING and library_attribute(provider, "default") is not None:
        return Kind.ALIAS
    return own


def own_kind(provider: Provider) -> Kind:
    """Return the kind of `provider` itself, without its overrides."""
    cls: type = type(provider)
    return _kind_of_class(cls)


@lru_cache(maxsize=256)
def _kind_of_class(cls: type) -> Kind:
    if cls in _SCOPED_KINDS:
        return _SCOPED_KINDS[cls]
    users_own = (part for part in cls.__mro__ if part.__module__ != providers.__name__ and part is not object)
    if any("__call__" in vars(part) or "_provide" in vars(part) for part in users_own):
        return Kind.OTHER
    return next((kind for known, kind in _KINDS if issubclass(cls, known)), Kind.OTHER)


def stand_in(provider: Provider) -> Provider | None:
    """Return the provider that overrides `provider` last, if its value comes from there."""
    others = [other for other in provider.overridden if type(other) is not ContextProvider]
    last: Provider | None = others[-1] if others else None
    if last is None or isinstance(provider, providers.Container | providers.DependenciesContainer):
        return None
    if isinstance(provider, providers.Configuration) and type(last) is providers.Object:
        return None  # how a configuration keeps what was loaded into it
    return last


def is_delegated(value: Any) -> bool:
    """Return whether an argument is passed as a provider rather than as its value."""
    seen = set[int]()
    while isinstance(value, providers.Dependency):  # the library follows them too, and crashes in a circle
        seen.add(id(value))
        value = value.last_overriding or value.default
        if id(value) in seen:
            return False
    return bool(providers.is_delegated(value)) or isinstance(value, providers.Aggregate)


def is_asynchronous(provides: Any) -> bool:
    """Return whether the result of calling `provides` is awaited or entered asynchronously."""
    if is_provider(provides):
        return False
    made = inspect.unwrap(provides) if callable(provides) else provides
    if isinstance(made, type):
        return hasattr(made, "__aenter__") and not hasattr(made, "__enter__")
    return inspect.iscoroutinefunction(made) or inspect.isasyncgenfunction(made)


def is_provider(value: Any) -> bool:
    """Return whether `value` is a provider rather than a plain object."""
    return bool(providers.is_provider(value))


_declares: Callable[[type, str], bool] = lru_cache(maxsize=1024)(hasattr)


def library_attribute(provider: Any, name: str, default: Any = None) -> Any:
    """Return an attribute that the provider's class declares; some classes return something for any name."""
    return getattr(provider, name) if _declares(type(provider), name) else default
