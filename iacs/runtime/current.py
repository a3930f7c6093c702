"""Which application, or overlay of one, the running code belongs to."""

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from iacs.core.exceptions import NotStartedError

if TYPE_CHECKING:
    from iacs.runtime.view import View

_entered: ContextVar["View | None"] = ContextVar("iacs_application", default=None)
_started: "WeakSet[View]" = WeakSet()


def current_application() -> "View":
    """Return the application or overlay that was entered last in this context.

    Code that runs in no context of an application, a worker thread for instance, gets the one started
    application of the process; NotStartedError when there is none, or more than one.
    """
    found = _entered.get()
    if found is not None and found.is_started:
        return found
    started = [each for each in _started if each.is_started]
    if len(started) == 1:
        return started[0]
    raise NotStartedError(_reason(len(started)))


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
