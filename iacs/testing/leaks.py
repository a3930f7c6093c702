"""Looks at which applications and overlays are started meanwhile, and which of them stay so."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what has not been imported has started nothing
    from iacs.runtime.views.view import View


class Leaks:
    """What is started from now on; looking needs the runtime, and does not import it."""

    def __init__(self) -> None:
        self._seen: list[View] = []
        self._is_looking = False
        self.look()

    def look(self) -> None:
        """Look, if the runtime has been imported by now."""
        registry = sys.modules.get("iacs.runtime.views.registry")
        if registry is not None and not self._is_looking:
            registry.recordings[self] = self._seen
            self._is_looking = True

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """Leave out what is started meanwhile."""
        before = len(self._seen)
        try:
            yield
        finally:
            del self._seen[before:]

    def end(self) -> list[str]:
        """Say what is still open, and let it go without closing it, so that the next test is not concerned."""
        if self._is_looking:
            del sys.modules["iacs.runtime.views.registry"].recordings[self]
        left = [view for view in dict.fromkeys(self._seen) if view.is_started]
        self._seen.clear()
        told = [repr(view) for view in left]
        for view in reversed(left):
            view.abandon()
        return told
