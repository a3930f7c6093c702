"""Providers whose values live as long as a scope: a request, a task, an event."""

from collections.abc import Callable
from typing import Any, NoReturn

from dependency_injector import providers

from iacs.core.exceptions import ScopeError


class ScopedProvider(providers.Factory[Any]):
    """A provider that is read through a scope only; it keeps nothing, so a copy of its container needs no care."""

    def _provide(self, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> NoReturn:
        raise ScopeError(
            f"{name_of(self)} is scoped, and was requested from the container itself", hint=OPEN_A_SCOPE
        )


class ScopedValue(ScopedProvider):
    """An object that is passed in when a scope is entered; `provides` is its class."""


class ScopedSingleton(ScopedProvider):
    """An object that is built once per scope, on first use."""


class ScopedResource(ScopedProvider):
    """A context manager that is entered once per scope, on first use, and exited with the scope."""


class ContextProvider(providers.Provider[Any]):
    """The override of a container's provider, which returns the part of its caller's overlay or scope."""

    def __init__(self) -> None:
        super().__init__()
        self.read: Callable[..., Any] | None = None

    def _provide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.reset_async_mode()  # that it gave a future before says nothing about this time
        return self.read(*args, **kwargs) if self.read is not None else None


OPEN_A_SCOPE = "open a scope: async with app.scope() as scope, then scope.get(…) or await scope.aget(…)"


def no_scope(path: str) -> ScopeError:
    """Return the error for a scoped part that is requested while no scope is open."""
    return ScopeError(f"{path} is scoped, and no scope is open", hint=OPEN_A_SCOPE, path=path)


def name_of(provider: Any) -> str:
    """Return what a scoped provider makes, by name."""
    made = provider.provides
    return getattr(made, "__qualname__", None) or type(made).__name__
