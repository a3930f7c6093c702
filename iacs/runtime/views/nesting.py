"""Overlays and scopes, which applications, overlays and scopes can open."""

from collections.abc import Mapping
from typing import Any

from iacs.runtime.views.overlay_view import OverlayView
from iacs.runtime.views.replacements import Replacing, read_replacements
from iacs.runtime.views.reporting import ReportingView
from iacs.runtime.views.scope_view import ScopeView


class NestingView(ReportingView):
    """A view that has overlays and scopes: an application, or one of its own overlays and scopes."""

    def overlay(self, mapping: Replacing | None = None, /, **parts: Any) -> "Overlay":
        """Return a second view in which some parts are replaced; enter it `with` or `async with`.

        A part is named by its path, by a bare name that only one part has, or by its provider: the container's, or
        that of the container's class. The replacement is a plain object, a provider that builds it, or
        `wrapping(function)`, which receives the original. Raise CheckError when a name is unknown or an object
        clearly does not fit.
        """
        named = dict(mapping.items()) if mapping is not None else {}
        return Overlay(self, read_replacements(self, {**named, **parts}))

    def scope(self, mapping: Mapping[Any, Any] | None = None, /, **values: Any) -> "Scope":
        """Return a scope; enter it `with` or `async with`.

        Each value is that of the `scoped.value` with that name, path or class. A name or class that the container
        does not have is a ScopeError when the scope is entered.
        """
        return Scope(self, {**(mapping or {}), **values})


class Overlay(OverlayView, NestingView):
    """A view in which parts are replaced, and their dependents built again; all other parts are the same objects.

    Enter it `with` or `async with`. An overlay closes the parts that it has built when it ends. If the application is
    not started, the overlay starts the roots and their dependencies. Any number of overlays may be open at a time,
    in tasks and threads, and one inside another.
    """


class Scope(ScopeView, NestingView):  # pyright: ignore[reportIncompatibleVariableOverride] # values
    """A view whose scoped parts live as long as its block; enter it `with` or `async with`.

    A part is built or opened when it is first read. A resource is opened and closed in the task that entered the
    scope; at the end, the parts are closed in reverse order, each within the application's `stop_timeout`.
    An error of the block is thrown into the resources, so that transactions roll back.
    """
