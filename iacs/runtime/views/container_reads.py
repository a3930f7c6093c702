"""Makes a container's own providers give the parts of the overlay or scope that their caller runs in.

A started application is what its container gives, and outside of overlays and scopes that is enough. Functions that
dependency_injector has wired, and code that calls the container, know no other way. So providers whose value depends
on the context are overridden as long as the application is started: scoped ones from its start on, and those that an
overlay changes from its first entry on if the container is wired.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from types import CoroutineType
from typing import Any

from dependency_injector import errors, providers

from iacs.core.exceptions import ScopeError
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.graph.scoped import ContextProvider, no_scope
from iacs.runtime.plan.scoped_parts import NeedsAwaitError
from iacs.runtime.views import registry
from iacs.runtime.views.detached import DetachedView, has_lost_its_context
from iacs.runtime.views.loop_context import running_loop
from iacs.runtime.views.view import View

_NOT_OVERRIDDEN = frozenset({Kind.AGGREGATE, Kind.CONFIGURATION, Kind.CONTAINER, Kind.OPTION, Kind.OTHER})
"""Kinds that the library lets nothing override, or that read other providers by themselves."""


class ContainerReads:
    """The overridden providers of one container; `application` is what they give outside of overlays and scopes."""

    def __init__(self, application: View) -> None:
        self._application = application
        self._containers: list[Any] | None = None
        self._installed: dict[int, tuple[Any, ContextProvider]] = {}

    @property
    def is_wired(self) -> bool:
        """Return whether dependency_injector has wired functions to the container, or to one inside."""
        if self._containers is None:
            graph = self._application.plan.graph
            inner = [n.provider.container for n in graph.nodes if isinstance(n.provider, providers.Container)]
            self._containers = [graph.container, *inner]
        return any(each.wired_to_modules or each.wired_to_packages for each in self._containers)

    def install(self, indexes: Iterable[int]) -> None:
        """Make these providers return the parts of the current context from now on."""
        nodes = self._application.plan.graph.nodes
        for index in indexes:
            if index not in self._installed and index < len(nodes):
                self._override(nodes[index])

    def _override(self, node: Node) -> None:
        if node.kind in _NOT_OVERRIDDEN:
            return
        provider, current = node.provider, ContextProvider()
        current.read = partial(self._read, node, _below(provider))
        entry = provider, current
        with suppress(errors.Error):  # an abstract provider: what overrides it is installed itself
            if self._installed.setdefault(node.index, entry) is entry:  # no other thread was faster
                provider.override(current)

    def remove(self) -> None:
        """Restore the providers."""
        while self._installed:
            provider, current = self._installed.popitem()[1]
            if current in provider.overridden:
                others = [other for other in provider.overridden if other is not current]
                provider.reset_override()
                for other in others:
                    provider.override(other)

    def _read(self, node: Node, below: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        node.provider.reset_async_mode()
        view = registry.entered_view_of(self._application)
        if view is None and has_lost_its_context(self._application.loop_context):
            DetachedView(self._application).refuse_what_differs(node)
        if view is None or not _is_own(view, node.index, self._application):
            if node.kind is Kind.SCOPED_RESOURCE:  # the library would open one that nobody closes
                raise no_scope(node.path)
            return below(*args, **kwargs)
        try:
            value = (
                view.plan.ask(node.index, view.values, *args, **kwargs)
                if args or kwargs
                else view.begin(node.path)
            )
        except NeedsAwaitError:
            value = view.aget(node.path)
        return _future_of(value, node) if type(value) is CoroutineType else value


def _below(provider: Any) -> Callable[..., Any]:
    """Return what a provider gives now."""
    overriding: Callable[..., Any] | None = provider.last_overriding
    return overriding if overriding is not None else lambda *args, **kwargs: provider._provide(args, kwargs)


def _is_own(view: View, index: int, application: View) -> bool:
    """Return whether a view has another part than the application."""
    if index in view.plan.scoped:
        return view.is_in_scope or view.plan is not application.plan
    return view.plan is not application.plan and index in view.plan.bound


def _future_of(value: Any, node: Node) -> Any:
    """Return what the library's own injection awaits."""
    if running_loop() is None:
        value.close()
        hint = "ask for it in an event loop, from an 'async def' function"
        raise ScopeError(f"{node.path} is built asynchronously", path=node.path, hint=hint)
    return asyncio.ensure_future(value)
