"""Providers whose values live as long as a scope: a request, a task, an event."""

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


OPEN_A_SCOPE = "open a scope: async with app.scope() as scope, then scope.get(…) or await scope.aget(…)"


def name_of(provider: Any) -> str:
    """Return what a scoped provider makes, by name."""
    made = provider.provides
    return getattr(made, "__qualname__", None) or type(made).__name__
