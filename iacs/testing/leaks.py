"""Detection of applications and overlays that a test starts and leaves open."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a runtime that has not been imported has started nothing
    from iacs.runtime.views.view import View


class Leaks:
    """The applications and overlays started from now on; recording them does not import the runtime."""

    def __init__(self) -> None:
        self._seen: list[View] = []
        self._is_recording = False
        self.record()

    def record(self) -> None:
        """Start recording if the runtime has been imported by now."""
        registry = sys.modules.get("iacs.runtime.views.registry")
        if registry is not None and not self._is_recording:
            registry.recordings[self] = self._seen
            self._is_recording = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Ignore what is started within the block."""
        before = len(self._seen)
        try:
            yield
        finally:
            del self._seen[before:]

    def end(self) -> list[str]:
        """Return what is still open, and abandon it without closing it, so that the next test is not affected."""
        if self._is_recording:
            del sys.modules["iacs.runtime.views.registry"].recordings[self]
        left = [view for view in dict.fromkeys(self._seen) if view.is_started]
        self._seen.clear()
        descriptions = [repr(view) for view in left]
        for view in reversed(left):
            view.abandon()
        return descriptions
