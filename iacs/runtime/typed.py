"""Declares providers, and names what an overlay replaces, so that type checkers see the arguments.

    class Shop(DeclarativeContainer):
        settings = singleton(Settings)
        database = resource(open_database, "sqlite://", timeout=5.0)
        service = singleton(Service, given(database), limit=10)  # a wrong argument is an error in the editor

    with app.overlay(replacing(Shop.database, FakeDatabase())): ...

What is declared are dependency_injector's own providers; `singleton(Service, …)` is
`providers.Singleton(Service, …)`. Settings that are read with `provided` are of any type to a type checker.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, ParamSpec, TypeVar, cast, overload

from dependency_injector import providers

P = ParamSpec("P")
T = TypeVar("T")

Opening = (
    Iterator[T]
    | AsyncIterator[T]
    | AbstractContextManager[T, bool | None]
    | AbstractAsyncContextManager[T, bool | None]
    | Awaitable[T]
)


def given(provider: providers.Provider[T]) -> T:
    """Pass a provider as an argument; for a type checker it has the type of the provider's value."""
    return cast(T, provider)


def singleton(make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> providers.Singleton[T]:
    """Declare a part that is built once."""
    return providers.Singleton(make, *args, **kwargs)


def factory(make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> providers.Factory[T]:
    """Declare an object that is made anew at each request."""
    return providers.Factory(make, *args, **kwargs)


@overload
def resource(make: Callable[P, Opening[T]], *args: P.args, **kwargs: P.kwargs) -> providers.Resource[T]: ...
@overload
def resource(make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> providers.Resource[T]: ...
def resource(make: Callable[..., Any], *args: Any, **kwargs: Any) -> providers.Resource[Any]:
    """Declare a part that is entered at start and left at stop: a generator function, a context manager."""
    return providers.Resource(make, *args, **kwargs)


@overload
def replacing(part: providers.Provider[T], value: T) -> dict[Any, Any]: ...
@overload
def replacing(part: type[T], value: T) -> dict[Any, Any]: ...
def replacing(part: Any, value: Any) -> dict[Any, Any]:
    """Name a part for an overlay by the provider of its container's class, or by its class; join several with `|`."""
    return {part: value}
