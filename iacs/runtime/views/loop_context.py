"""The event loop that an application runs in, and what is allowed to read it from elsewhere."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from typing import Any, Protocol

from iacs.core.exceptions import ForeignLoopError
from iacs.runtime.lifecycle.lifetime import Lifetime
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.plan.expressions import Values
from iacs.runtime.plan.plan import Plan

Errors = list[Exception]
_current_token: ContextVar[object] = ContextVar("iacs_loop_context", default=None)

current_token = _current_token.get
"""Return the token of the application whose loop this context is known to run in: quicker than asking."""


class Reads(Protocol):
    """What has a container's own providers give the parts of overlays and scopes."""

    @property
    def is_wired(self) -> bool:
        """Return whether dependency_injector has wired functions to the container."""
        ...

    def install(self, indexes: Iterable[int]) -> None:
        """Make these providers return the parts of the current context."""

    def remove(self) -> None:
        """Restore the providers."""


class LoopContext:
    """The event loop, or none, that an application runs in: made when it starts, shared by its overlays.

    Both timeouts are in seconds; `reads` are the overridden providers of its container. `bound` are the parts that were built asynchronously or are closed so, and what depends on those.
    """

    def __init__(self, start_timeout: float, stop_timeout: float, reads: Reads) -> None:
        self.reads = reads
        self.token = object()
        self.loop = running_loop()
        self.bound: set[int] = set()
        self._start_timeout = start_timeout
        self.stop_timeout = stop_timeout
        self.scopes: dict[Any, None] = {}
        self.overlays: dict[Any, None] = {}
        self._closing: set[asyncio.Task[Errors]] = set()
        self._errors: Errors = []

    def lifetime(
        self, plan: Plan, values: Values, roots: Iterable[int], timeline: Timeline | None = None
    ) -> Lifetime:
        """Return a lifetime with the application's deadlines; with a timeline, that of the application itself."""
        return Lifetime(
            plan,
            values,
            roots,
            installs=timeline is not None,
            start_timeout=self._start_timeout,
            stop_timeout=self.stop_timeout,
            timeline=timeline,
            close_later=self._close_later if self.loop is not None and timeline is None else None,
        )

    def bind_parts(self, lifetime: Lifetime) -> None:
        """Note which parts belong to the loop."""
        mine = {
            opened.part.index
            for opened in lifetime.opened
            if opened.part.asynchronous or opened.aclose is not None
        }
        self.bound = lifetime.plan.graph.affected(mine) if mine and self.loop is not None else set()

    def remember_context(self) -> None:
        """Mark this context: code that runs in it reads without being checked again."""
        if self.loop is running_loop():
            _current_token.set(self.token)

    def check_loop(self, path: Callable[[], str]) -> None:
        """Raise ForeignLoopError for code of another event loop; code without a loop may read."""
        loop = running_loop()
        if self.loop is None or loop is self.loop:
            _current_token.set(self.token)
        elif loop is not None:
            reason = "belongs to the event loop that its application was started in, and this is another one"
            hint = "start an application in each loop"
            raise ForeignLoopError(f"{path()} {reason}", path=path(), hint=hint)

    def _close_later(self, close: Callable[[], Coroutine[Any, Any, Errors]]) -> Errors | None:
        """Close in the loop what an overlay that was left outside of it cannot close at once."""
        if self.loop is None or self.loop.is_closed():
            return None
        if running_loop() is self.loop:
            task = self.loop.create_task(close())
            self._closing.add(task)
            task.add_done_callback(self._note_end)
            return []
        return asyncio.run_coroutine_threadsafe(close(), self.loop).result()

    async def wait_closed(self) -> Errors:
        """Wait until the parts that overlays could not close at once are closed; return the errors."""
        while self._closing:
            await asyncio.wait(self._closing)
        errors, self._errors = self._errors, []
        return errors

    def _note_end(self, task: asyncio.Task[Errors]) -> None:
        """Keep an error for `wait_closed`."""
        self._closing.discard(task)
        if not task.cancelled():
            self._errors.extend(task.result())


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop, None when there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
