"""Which application, or overlay of one, the running code belongs to."""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any
from weakref import ref

from iacs.core.exceptions import NotStartedError

if TYPE_CHECKING:
    from iacs.runtime.views.view import View

_entered: ContextVar["View | None"] = ContextVar("iacs_application", default=None)

recordings: "dict[object, list[View]]" = {}
"""Where each application that is started, and each overlay that is entered, is added, by who asked for it."""


class _Started:
    """The applications of the process, and which of them was found to be the only one that is started."""

    def __init__(self) -> None:
        self._all: dict[
            int, ref[View]
        ] = {}  # threads may look while others add, as they may not in a WeakSet
        self._state = object()
        self._only: tuple[object, Callable[[], View | None]] = (None, lambda: None)

    def add(self, view: "View") -> None:
        key = id(view)
        self._all[key] = ref(view, lambda _: self._all.pop(key, None))
        self._state = object()

    def only(self) -> "View":
        """Return the one started application; NotStartedError when there is none, or more than one."""
        state, known = self._only
        found = known() if state is self._state else None
        return found if found is not None and found.is_open else self._search(self._state)

    def _search(self, state: object) -> "View":
        alive = [each() for each in list(self._all.values())]
        started = [each for each in alive if each is not None and each.is_open]
        if len(started) != 1:
            raise _not_started(len(started))
        self._only = state, ref(started[0])
        return started[0]


_started = _Started()


def current_application() -> "View":
    """Return the application or overlay that was entered last in this context.

    Code that runs in no context of an application, a worker thread for instance, gets the one started
    application of the process; NotStartedError when there is none, or more than one.
    """
    found = _entered.get()
    if found is not None and found.is_open:
        return found
    return _started.only()


def _not_started(number: int) -> NotStartedError:
    if number:
        return NotStartedError(
            f"{number} applications are started, and this code runs in the context of none of them",
            hint="enter the one that is meant: 'async with app:' or 'with app.sync():'",
        )
    return NotStartedError(
        "no application is started", hint="enter one: 'async with app:' or 'with app.sync():'"
    )


def enter(view: "View") -> "Token[View | None]":
    """Make `view` the current one of this context."""
    _record(view)
    return _entered.set(view)


def leave(token: "Token[Any]") -> None:
    """Make current what was so before; leaving in another context than the one entered changes nothing there."""
    try:
        _entered.reset(token)
    except ValueError:  # a test framework may enter and leave a fixture in two contexts
        return


def announce(view: "View") -> None:
    """Let code outside of any context find a started application."""
    _started.add(view)
    _record(view)


def _record(view: "View") -> None:
    for each in tuple(recordings.values()):
        each.append(view)
