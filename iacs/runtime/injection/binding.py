"""The arguments of a call that come from the current application."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from types import CoroutineType
from typing import Any

from iacs.core.exceptions import (
    AmbiguousPartError,
    ApplicationError,
    ForeignLoopError,
    InjectionError,
    MissingDependencyError,
    NotStartedError,
    ScopeError,
    UnknownPartError,
    WiringError,
)
from iacs.runtime.injection.markers import Awaiting
from iacs.runtime.injection.parameters import Parameters, Read
from iacs.runtime.plan.scoped_parts import AsynchronousPartError, NeedsAwaitError
from iacs.runtime.views.call_scope import CallScope, opens_anything
from iacs.runtime.views.current import current_application
from iacs.runtime.views.view import View

_REFUSALS = (
    NotStartedError, ForeignLoopError, ScopeError, UnknownPartError, AmbiguousPartError, MissingDependencyError,
    WiringError, InjectionError,
)  # fmt: skip
"""What reading a part raises by itself; another error comes from the part, and stays what it is."""


class Binding:
    """What is injected into the calls of a function; `mark` in an annotation means "by its class"."""

    def __init__(self, function: Callable[..., Any], mark: object) -> None:
        self.parameters = Parameters(function, mark)
        self._name = getattr(function, "__qualname__", repr(function))

    @cached_property
    def closes(self) -> bool:
        """Whether a call may have to open and close something."""
        return bool(self.parameters.closing)

    def call_scope(
        self, positional: int, kwargs: dict[str, Any], *, is_current: bool = True
    ) -> "CallScope | nullcontext[None]":
        """Return the scope of one call: it opens what `Closing[…]` marks and the caller leaves out."""
        view, targets = None, set()
        for name, position, marked in self.parameters.closing:
            if position >= positional and name not in kwargs:
                try:
                    view = view or current_application()
                    index = marked.target(view)
                    if index is not None:
                        view.refuse_what_differs(view.plan.graph.nodes[index])
                        targets.add(index)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error
        marked_here = frozenset(targets)
        if view is None or not opens_anything(view, marked_here):
            return nullcontext()
        return CallScope(view, marked_here, is_current=is_current)

    def fill(self, positional: int, kwargs: dict[str, Any], view: View | None = None) -> None:
        """Add to `kwargs` what is neither there nor among the `positional` first arguments.

        It is read in `view`, by default in the current application.
        """
        for name, position, read in self.parameters.injected:
            if position >= positional and name not in kwargs:
                try:
                    view = view or current_application()
                    kwargs[name] = read(view)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error

    async def fill_async(self, positional: int, kwargs: dict[str, Any], view: View | None = None) -> None:
        """Do as `fill` does, and await what is built asynchronously."""
        reading: Any = None
        for name, position, read in self.parameters.injected:
            if position >= positional and name not in kwargs:
                try:
                    reading = reading or Awaiting(view or current_application())
                    kwargs[name] = await _awaited(read, reading)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error

    def _refused(self, name: str, error: ApplicationError) -> ApplicationError:
        message = f"cannot inject {name!r} into {self._name}(): {error}"
        hint = "make it an 'async def'" if isinstance(error, AsynchronousPartError) else error.hint
        for kind in (NotStartedError, ForeignLoopError, ScopeError):
            if isinstance(error, kind):
                return kind(message, path=error.path, hint=hint)
        return InjectionError(message, function=self._name, parameter=name, hint=error.hint)


async def _awaited(read: Read, view: View) -> Any:
    while True:
        try:
            value = read(view)
            return await value if type(value) is CoroutineType else value
        except NeedsAwaitError as needs:  # known only since the part's factory has been called
            await needs.make()
