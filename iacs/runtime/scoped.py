"""Declares what lives as long as a scope: a request, a task, an event.

    class Container(containers.DeclarativeContainer):
        engine = providers.Singleton(create_engine, "…")
        request = scoped.value(Request)                      # passed in when a scope is entered
        session = scoped.resource(open_session, engine)      # opened on first use, closed with the scope
        orders = scoped.singleton(Orders, session, request)  # one per scope, built on first use

    async with app.scope(request=request) as scope:
        orders = await scope.aget(Orders)

The providers are ordinary ones of a declarative container. Asked of the container itself, they raise ScopeError.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from functools import wraps
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar, overload

from dependency_injector import providers

from iacs.runtime.graph.scoped import ScopedResource, ScopedSingleton, ScopedValue

if TYPE_CHECKING:
    from typing_extensions import TypeAliasType

T = TypeVar("T")


@overload
def value(cls: type[T]) -> providers.Provider[T]: ...
@overload
def value(cls: Callable[[Any], T]) -> providers.Provider[T]: ...
@overload
def value(cls: "TypeAliasType") -> providers.Provider[Any]: ...
def value(cls: Any) -> providers.Provider[Any]:
    """Declare an object of class `cls` that is passed in when a scope is entered; a NewType or an alias will do."""
    return ScopedValue(cls)


@overload
def singleton(factory: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> providers.Provider[T]: ...
@overload
def singleton(factory: Callable[..., T], *args: Any, **kwargs: Any) -> providers.Provider[T]: ...
def singleton(factory: Callable[..., Any], *args: Any, **kwargs: Any) -> providers.Provider[Any]:
    """Declare an object that is built once per scope, on first use, and closed with the scope if it can be."""
    return ScopedSingleton(factory, *args, **kwargs)


@overload
def resource(
    factory: Callable[..., AbstractContextManager[T, Any]], *args: Any, **kwargs: Any
) -> providers.Provider[T]: ...
@overload
def resource(
    factory: Callable[..., AbstractAsyncContextManager[T, Any]], *args: Any, **kwargs: Any
) -> providers.Provider[T]: ...
@overload
def resource(factory: Callable[..., Iterator[T]], *args: Any, **kwargs: Any) -> providers.Provider[T]: ...
@overload
def resource(
    factory: Callable[..., AsyncIterator[T]], *args: Any, **kwargs: Any
) -> providers.Provider[T]: ...
def resource(factory: Callable[..., Any], *args: Any, **kwargs: Any) -> providers.Provider[Any]:
    """Declare a resource that is opened on first use in a scope and closed when the scope ends.

    `factory` is a generator function, an asynchronous one, or returns a context manager. An error of the
    scope's block is thrown into it, so that a transaction rolls back.
    """
    return ScopedResource(_manager(factory), *args, **kwargs)


def _manager(factory: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns a context manager; it keeps the annotations and a generator function."""
    if not (isgeneratorfunction(factory) or isasyncgenfunction(factory)):
        return factory
    manage: Any = asynccontextmanager if isasyncgenfunction(factory) else contextmanager
    manager: Any = wraps(factory)(manage(factory))
    manager.generator_function = factory
    return manager  # type: ignore[no-any-return]
