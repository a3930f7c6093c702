"""Installs an application's parts as the values of its container's own providers, and removes them again.

Between the two the container is what it always was: asking a provider gives the very object that the
application gives. dependency_injector has no public way to set what a singleton keeps, so the provider is
asked once while it would make just that object.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from dependency_injector import providers

from iacs.runtime.graph.kinds import Kind, Provider
from iacs.runtime.plan.parts import Part

NOT_BUILT: Final = object()
_KEEPERS = (providers.Singleton, providers.ThreadSafeSingleton)


class _NotBuilt(BaseException):
    pass


def already_built(part: Part) -> Any:
    """Return the object that the container's provider has built before, or NOT_BUILT."""
    provider: Any = part.provider
    if provider.is_async_mode_undefined():  # it has never been asked
        return NOT_BUILT
    if isinstance(provider, _KEEPERS):
        value = _kept(provider)
    elif part.kind is Kind.RESOURCE and not part.native and provider.initialized:
        provider.reset_async_mode()
        value = provider()
    else:
        return NOT_BUILT
    return NOT_BUILT if asyncio.isfuture(value) else value


def install_value(part: Part, value: Any) -> None:
    """Make the container's provider return this part."""
    provider: Any = part.provider
    provider.reset_async_mode()
    if part.native:
        return
    if isinstance(provider, providers.BaseResource):
        _ask(provider, lambda: _Entered(value))
    elif value is None or getattr(type(provider), "provided_type", None) is not None:
        # a singleton would build another for None, and a typed one refuse our function
        provider.override(_Installed(value))
    else:
        _ask(provider, lambda: value)


def restore_provider(part: Part) -> None:
    """Make the container's provider build for itself again."""
    provider: Any = part.provider
    if part.native:
        return
    if isinstance(provider, providers.BaseResource):
        provider.shutdown()
        return
    provider.reset()
    others = [other for other in provider.overridden if not isinstance(other, _Installed)]
    if len(others) < len(provider.overridden):
        provider.reset_override()
        for other in others:
            provider.override(other)


def reset_async_modes(nodes: Iterable[Provider]) -> None:
    """Let providers that once gave futures give values: everything asynchronous has happened by now."""
    for provider in nodes:
        if provider.is_async_mode_enabled():
            provider.reset_async_mode()


class _Installed(providers.Object[Any]):
    """The replacement of a singleton that cannot keep the value itself."""


class _Entered:
    """What a resource provider enters instead of opening the resource once more."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __enter__(self) -> Any:
        return self._value

    def __exit__(self, *error: object) -> None:
        """Leave the resource to the application."""


def _kept(provider: Any) -> Any:
    def refuse() -> NoReturn:
        raise _NotBuilt

    provider.reset_async_mode()
    args, kwargs = provider.args, provider.kwargs
    provider.set_args(providers.Callable(refuse)).clear_kwargs()
    try:
        return provider()
    except _NotBuilt:
        return NOT_BUILT
    finally:
        provider.set_args(*args).set_kwargs(**kwargs)


def _ask(provider: Any, make: Callable[[], Any]) -> Any:
    """Ask a provider while it makes `make()`."""
    with _making(provider, make):
        return provider()


@contextmanager
def _making(provider: Any, make: Callable[[], Any]) -> Iterator[None]:
    provides, args, kwargs = provider.provides, provider.args, provider.kwargs
    attributes = provider.attributes if hasattr(type(provider), "attributes") else {}
    provider.set_provides(make).clear_args().clear_kwargs()
    if attributes:
        provider.clear_attributes()
    try:
        yield
    finally:
        provider.set_provides(provides).set_args(*args).set_kwargs(**kwargs)
        if attributes:
            provider.set_attributes(**attributes)
