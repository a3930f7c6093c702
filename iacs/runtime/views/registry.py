"""The applications and overlays that are started in this process, and those entered in each context."""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any
from weakref import ref

from iacs.core.exceptions import NotStartedError
from iacs.runtime.views.view import View

_entered: ContextVar[View | None] = ContextVar("iacs_application", default=None)

recordings: dict[object, list[View]] = {}
"""The lists to which each application that is started and each overlay that is entered is added, by their owner."""


class _Started:
    """The applications of the process, and the only one that is started if there is just one."""

    def __init__(self) -> None:
        self._all: dict[int, ref[View]] = {}  # threads may read while others add, unlike with a WeakSet
        self._state = object()
        self._only: tuple[object, Callable[[], View | None]] = (None, lambda: None)

    def add(self, view: View) -> None:
        key = id(view)
        self._all[key] = ref(view, lambda _: self._all.pop(key, None))
        self._state = object()

    def only(self) -> View:
        """Return the one started application; NotStartedError when there is none, or more than one."""
        state, known = self._only
        view = known() if state is self._state else None
        return view if view is not None and view.is_open else self._search(self._state)

    def _search(self, state: object) -> View:
        views = [reference() for reference in list(self._all.values())]
        started = [view for view in views if view is not None and view.is_open]
        if len(started) != 1:
            raise _not_started(len(started))
        self._only = state, ref(started[0])
        return started[0]


_started = _Started()


def entered_view() -> View | None:
    """Return what was entered last in this context and is still open; None when there is nothing."""
    view = _entered.get()
    while view is not None and not view.is_open:
        view = view.outer_view
    return view


def entered_view_of(application: View) -> View | None:
    """Return what `entered_view` does if it is the application, or an overlay or scope of it; else None."""
    view = root = entered_view()
    while root is not None and root.outer_view is not None:
        root = root.outer_view
    return view if root is application else None


def only_application() -> View:
    """Return the one started application of the process; raise NotStartedError when none or several are started."""
    return _started.only()


def view_of(application: View) -> View:
    """Return the overlay of `application` that was entered last in this context, or the application itself."""
    view = root = _entered.get()
    while root is not None and root.outer_view is not None:
        if root.is_scope:
            view = root.outer_view
        root = root.outer_view
    return view if view is not None and root is application and view.is_open else application


def entered_scope_of(view: View) -> View | None:
    """Return the scope of `view`, or of a scope of it, that was entered last in this context, if there is one."""
    scope = outer = _entered.get()
    while outer is not None and outer.is_scope and outer is not view:
        outer = outer.outer_view
    return scope if scope is not None and scope.is_started and outer is view else None


def _not_started(number: int) -> NotStartedError:
    if number:
        return NotStartedError(
            f"{number} applications are started, and this code runs in the context of none of them",
            hint="enter the one that is meant: 'async with app:' or 'with app.sync():'",
        )
    return NotStartedError(
        "no application is started", hint="enter one: 'async with app:' or 'with app.sync():'"
    )


def enter(view: View) -> Token[View | None]:
    """Make `view` the current one of this context."""
    if recordings:
        _record(view)
    return _entered.set(view)


def leave(token: Token[Any]) -> None:
    """Make current what was so before; leaving in another context than the one entered changes nothing there."""
    try:
        _entered.reset(token)
    except ValueError:  # a test framework may enter and leave a fixture in two contexts
        return


def announce(view: View) -> None:
    """Let code outside of any context find a started application."""
    _started.add(view)
    _record(view)


def _record(view: View) -> None:
    for recording in tuple(recordings.values()):
        recording.append(view)
