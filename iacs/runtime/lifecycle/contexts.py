"""A context of its own for each resource, in which it is opened and closed."""

from contextlib import suppress
from contextvars import Token, copy_context
from typing import Any, Final

_UNSET: Final = object()


class OwnContext:
    """A copy of the current context; `show` and `hide` carry over to the calling context what is set in the copy.

    A ContextVar is reset only in the context in which it was set, and a resource may be opened by one task and closed
    by another. Sharing one context instead would mix up what resources set that are opened side by side.
    """

    __slots__ = ("_before", "_shown", "context")

    def __init__(self) -> None:
        self._before = copy_context()
        self.context = self._before.copy()
        self._shown: list[Token[Any]] = []

    def show(self) -> None:
        """Set the context variables that were set in the copy since it was made."""
        for variable, value in self.context.items():
            if self._before.get(variable, _UNSET) is not value:
                self._shown.append(variable.set(value))

    def hide(self) -> None:
        """Reset what `show` has set; in another context than that one, nothing is to be reset."""
        while self._shown:
            token = self._shown.pop()
            with suppress(ValueError):
                token.var.reset(token)
