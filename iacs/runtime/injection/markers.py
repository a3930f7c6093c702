"""Reads dependency_injector's own markers, `Provide[Container.service]`, in the current application.

A marker names a provider of a container's class, or a path. Both are read as a path of the application's
container, so that every application, and every overlay of one, gives its own part.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import UnknownPartError
from iacs.runtime.plan.calls import provider_itself
from iacs.runtime.plan.expressions import option
from iacs.runtime.views.view import View

Read = Callable[[View], Any]


def marker_in(value: Any) -> Any:
    """Return the marker that a default or an annotation holds, bare or within FastAPI's Depends; else None."""
    return next(
        (candidate for candidate in (value, getattr(value, "dependency", None)) if _is_marker(candidate)),
        None,
    )


def _is_marker(value: Any) -> bool:
    return getattr(type(value), "__IS_MARKER__", False) is True


class Awaiting:
    """A view for asynchronous functions: what it reads may be a coroutine, to be awaited."""

    def __init__(self, view: View) -> None:
        self.plan, self.lookup, self.values = view.plan, view.lookup, view.values
        self.get = self._begin = view.begin

    def __getitem__(self, path: str) -> Any:
        return self._begin(path)


class Marked:
    """The value of a marker, resolved once for each container class.

    `Provide[…]` gives the part, `Provider[…]` its provider. `Closing[…]` is read as what it holds, in a call that
    opens that.
    """

    def __init__(self, marker: Any) -> None:
        self._handed_over = self.is_closing = False
        while _is_marker(marker):
            self._handed_over |= type(marker).__name__ == "Provider"
            self.is_closing |= type(marker).__name__ == "Closing"
            self._marker, marker = marker, marker.provider
        self._known: dict[Any, Read] = {}

    def read(self, view: View) -> Any:
        """Return what the marker names in `view`; raise UnknownPartError when that is nothing."""
        original = _original(view)
        read = self._known.get(original)
        if read is None:
            read = self._known[original] = _Reading(original, self._marker).compiled(self._handed_over)
        return read(view)

    def target(self, view: View) -> int | None:
        """Return the index of the provider that the marker names, or of the one that it takes something out of.

        None for what is not a provider of the container.
        """
        provider: Any = _Reading(_original(view), self._marker).provider()
        while isinstance(provider, _TAKEN_OUT_OF):
            provider = provider.provides
        try:
            return view.plan.graph.source(view.lookup.index(provider))
        except UnknownPartError:
            return None


_TAKEN_OUT_OF = (
    providers.ProvidedInstance, providers.AttributeGetter, providers.ItemGetter, providers.MethodCaller, providers.Delegate,
)  # fmt: skip


def _original(view: View) -> Any:
    container = view.plan.graph.container
    return getattr(container, "declarative_parent", None) or container


class _Reading:
    """How one marker is read in the applications of one container class."""

    def __init__(self, container: Any, marker: Any) -> None:
        self._container = container
        self._marker = marker

    def compiled(self, handed_over: bool) -> Read:
        provider = self.provider()
        return self._provider_of(provider) if handed_over else self._value_of(provider)

    def provider(self) -> Any:
        """Return the provider that the marker names; raise UnknownPartError when there is none."""
        named, modifier = self._marker.provider, self._marker.modifier
        if named == "<container>":
            return self._container.__self__
        if not isinstance(named, str):
            return named
        provider = self.resolve_provider(named)
        return modifier.modify(provider, providers_map=self) if modifier else provider

    def resolve_provider(self, named: str) -> Any:
        """Return the provider at a path; dependency_injector's modifiers ask it under this name."""
        try:
            return reduce(getattr, named.split("."), self._container)
        except AttributeError as error:
            raise UnknownPartError(f"the container has no {named}", name=named) from error

    def _value_of(self, provider: Any) -> Read:
        """Return how a provider is read: what is not in the graph of a container is put together here."""
        match provider:
            case providers.Self():
                return lambda view: view.plan.graph.container
            case providers.Delegate():
                return self._provider_of(provider)
            case providers.ProvidedInstance():
                return self._value_of(provider.provides)
            case providers.AttributeGetter() | providers.ItemGetter():
                return self._taken_out(provider)
            case providers.MethodCaller():
                return self._called(self._value_of(provider.provides), provider)
            case providers.TypedConfigurationOption():
                return self._called(lambda _view: provider.provides, provider)
            case providers.ConfigurationOption():
                return self._option(provider)
        return lambda view: view[view.plan.graph.nodes[view.lookup.index(provider)].path]

    def _argument(self, value: Any) -> Read:
        return self._value_of(value) if providers.is_provider(value) else lambda _view: value

    def _provider_of(self, provider: Any) -> Read:
        named: Any = provider.provides if isinstance(provider, providers.Delegate) else provider
        return lambda view: provider_itself(view.plan, view.lookup.index(named)).read(view.values)

    def _taken_out(self, provider: Any) -> Read:
        inner, name = self._value_of(provider.provides), provider.name
        if isinstance(provider, providers.AttributeGetter):
            return lambda view: getattr(inner(view), name)
        key = self._argument(name)
        return lambda view: inner(view)[key(view)]

    def _called(self, inner: Read, provider: Any) -> Read:
        args = [self._argument(value) for value in provider.args]
        kwargs = {name: self._argument(value) for name, value in provider.kwargs.items()}
        return lambda view: inner(view)(
            *[read(view) for read in args], **{name: read(view) for name, read in kwargs.items()}
        )

    def _option(self, provider: Any) -> Read:
        root = self._value_of(provider._get_root())
        names = [self._argument(segment) for segment in provider.get_name_segments()]
        label, strict = ".".join(map(str, provider.get_name_segments())), provider.is_required()
        return lambda view: option(root(view), [name(view) for name in names], label, strict=strict)
