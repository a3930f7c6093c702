"""Which application, or overlay of one, the running code belongs to."""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from iacs.core.exceptions import NotStartedError

if TYPE_CHECKING:
    from iacs.runtime.view import View

_entered: ContextVar["View | None"] = ContextVar("iacs_application", default=None)


class _Started:
    """The applications of the process, and which of them was found to be the only one that is started."""

    def __init__(self) -> None:
        self._all: WeakSet[View] = WeakSet()
        self._added = 0
        self._only: tuple[int, Callable[[], View | None]] = (0, lambda: None)

    def add(self, view: "View") -> None:
        self._all.add(view)
        self._added += 1

    def only(self) -> "View":
        """Return the one started application; NotStartedError when there is none, or more than one."""
        added, known = self._only
        found = known() if added == self._added else None
        return found if found is not None and found.is_started else self._search(self._added)

    def _search(self, added: int) -> "View":
        started = [each for each in tuple(self._all) if each.is_started]
        if len(started) != 1:
            raise NotStartedError(_reason(len(started)))
        self._only = added, ref(started[0])
        return started[0]


_started = _Started()


def current_application() -> "View":
    """Return the application or overlay that was entered last in this context.

    Code that runs in no context of an application, a worker thread for instance, gets the one started
    application of the process; NotStartedError when there is none, or more than one.
    """
    found = _entered.get()
    if found is not None and found.is_started:
        return found
    return _started.only()


def _reason(number: int) -> str:
    if number:
        return f"{number} applications are started, and this code runs in the context of none of them"
    return "no application is started: enter one, 'async with app:' or 'with app.sync():'"


def enter(view: "View") -> "Token[View | None]":
    """Make `view` the current one of this context."""
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
