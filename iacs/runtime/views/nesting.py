"""What an application, its overlays and its scopes have in common: each opens overlays and scopes."""

from collections.abc import Mapping
from typing import Any

from iacs.runtime.views.overlay_view import OverlayView
from iacs.runtime.views.replacements import Replacing, read_replacements
from iacs.runtime.views.reporting import ReportingView
from iacs.runtime.views.scope_view import ScopeView


class NestingView(ReportingView):
    """A view that has overlays and scopes: an application, or one of its own overlays and scopes."""

    def overlay(self, mapping: Replacing | None = None, /, **parts: Any) -> "Overlay":
        """Return a second view in which some parts are others; enter it `with` or `async with`.

        A part is named by its path, by a bare name that leads to one, or by its provider, the container's or
        that of the container's class. A plain object is the part itself,
        a provider builds it, `wrapping(function)` makes it of the original. Raise CheckError when a name is
        unknown or an object plainly does not fit.
        """
        named = dict(mapping.items()) if mapping is not None else {}
        return Overlay(self, read_replacements(self, {**named, **parts}))

    def scope(self, mapping: Mapping[Any, Any] | None = None, /, **values: Any) -> "Scope":
        """Return a scope; enter it `with` or `async with`.

        What is passed stands for the `scoped.value` of that name, path or class. A name or class that the
        container does not have is a ScopeError when the scope is entered.
        """
        return Scope(self, {**(mapping or {}), **values})


class Overlay(OverlayView, NestingView):
    """A view, entered `with` or `async with`: what depends on a replaced part is built again, the rest is the same.

    What the overlay builds it closes when it ends. Of an application that is not started, it starts what the
    roots ask. Any number may be open at a time, in tasks and threads, and one inside another.
    """


class Scope(ScopeView, NestingView):  # pyright: ignore[reportIncompatibleVariableOverride] # values
    """Enter it, `with` or `async with`: what is scoped lives as long as the block.

    Nothing is built or opened before it is read. A resource is opened and closed in the task that entered the
    scope; at the end, the parts are closed in reverse order, each within the application's `stop_timeout`.
    An error of the block is thrown into the resources, so that transactions roll back.
    """
