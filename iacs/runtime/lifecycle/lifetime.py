"""Starts the parts that are asked for, each after those it asks, and closes them in reverse."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any

from iacs.core.exceptions import IACSGraphError, StartError
from iacs.runtime.lifecycle.closing import CloseLater, Closing, add_notes
from iacs.runtime.lifecycle.opening import open_all
from iacs.runtime.lifecycle.provider_values import (
    NOT_BUILT,
    already_built,
    install_value,
    reset_async_modes,
    restore_provider,
)
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.lifecycle.waiting import uninterrupted
from iacs.runtime.plan.expressions import MAKE_SINGLETONS, TOO_DEEP, Values
from iacs.runtime.plan.parts import Opened, Part
from iacs.runtime.plan.plan import Plan


class Lifetime:
    """Everything between one start and its stop: the values, and what has to be closed again.

    One that `installs` makes the container's providers give its parts too. `start_timeout` and `stop_timeout` are
    in seconds and for each part; a synchronous part cannot be interrupted, so its start is refused afterwards.
    """

    def __init__(
        self,
        plan: Plan,
        values: Values,
        roots: Iterable[int],
        *,
        installs: bool = False,
        start_timeout: float = 15.0,
        stop_timeout: float = 15.0,
        timeline: Timeline | None = None,
        close_later: CloseLater | None = None,
    ) -> None:
        self.plan = plan
        self.values = values
        self.roots = tuple(roots)
        self._closing = Closing(
            values, stop_timeout, installs=installs, timeline=timeline, close_later=close_later
        )
        self.opened = self._closing.opened
        self._known: set[int] | None = None
        self._is_async = False
        self._is_over = False
        self._installs = installs
        self._start_timeout = start_timeout
        self._timeline = timeline
        self._has_loop = close_later is not None

    def start(self, parts: Iterable[Part] | None = None) -> None:
        """Open the parts in the calling thread; close all again and raise StartError if one fails.

        `parts`, when the caller knows them, are those to open, in order.
        """
        try:
            for stage in self._stages() if parts is None else (parts,):
                self._refuse_asynchronous(stage)
                for part in stage:
                    self._open(part)
        except BaseException as error:
            self._undo(error)
            raise
        self._finish_start()

    async def start_async(self, parts: Sequence[Part] | None = None) -> None:
        """Open the parts, independent ones side by side; close all again if one fails or on cancellation."""
        self._is_async = True
        try:
            for stage in self._stages() if parts is None else (parts,):
                await open_all(stage, self._open_async, self._cancelled)
            await asyncio.sleep(0)  # a cancellation that came while a synchronous part was built
        except BaseException as error:
            self._is_over = True
            await uninterrupted(self._undo_async(error))
            raise
        self._finish_start()

    def stop(self) -> None:
        """Close what was opened, the last first; raise what failed as one ExceptionGroup."""
        if self.opened:
            self._report(list(self._closing.now()))

    async def stop_async(self, before: Callable[[], Awaitable[list[Exception]]] | None = None) -> None:
        """Close what was opened, the last first, each within its deadline, even when cancelled meanwhile.

        Await `before` ahead of all, and raise the errors that it returns too.
        """
        local = [opened for opened in self.opened if opened.part.local]
        errors: list[Exception] = []
        try:
            await uninterrupted(self._stop(errors, before))
        except asyncio.CancelledError as error:
            add_notes(error, errors)
            raise
        finally:
            for opened in local:
                restore_provider(opened)  # once more: what has closed it is a task, with a context of its own
        self._report(errors)

    async def _stop(
        self, errors: list[Exception], before: Callable[[], Awaitable[list[Exception]]] | None
    ) -> None:
        errors += await before() if before is not None else []
        errors += await self._closing.in_loop()

    def _report(self, errors: list[Exception]) -> None:
        if self._timeline is not None:
            self._timeline.summarize("stop")
        if errors:
            raise ExceptionGroup("parts that could not be closed", errors)

    def disown(self) -> None:
        """Let the container's providers build for themselves, and leave the parts open: another's to close."""
        for opened in reversed(self.opened):
            restore_provider(opened)

    def _stages(self) -> Iterator[list[Part]]:
        """Yield the parts to open: first those that selectors ask for their keys, then all the others."""
        given_up: set[int] = set()
        while waiting := set(self.plan.undecided_selectors(self.roots, self.values)) - given_up:
            yield self.plan.missing_parts(
                (key for selector in waiting for key in self.plan.keys_of(selector)), self.values
            )
            given_up |= {selector for selector in waiting if not self._choose(selector)}
        yield self.plan.missing_parts(self.roots, self.values)

    def _choose(self, selector: int) -> bool:
        """Choose a branch; what cannot be chosen yet is an error only for what asks it."""
        try:
            self.values[selector] = self.plan.choose(selector, self.values)
        except Exception:  # noqa: BLE001 - a selector's key is the user's code; asking it again raises it
            return False
        return True

    def _refuse_asynchronous(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.asynchronous:
                raise part.needs_a_loop("is built asynchronously")
            if part.closes_asynchronously and not self._has_loop:
                raise part.needs_a_loop("is closed asynchronously")

    def _open(self, part: Part) -> None:
        began = perf_counter()
        try:
            if not (self._installs and self._adopt(part)):
                self._keep(part, part.open(self.values))
        except BaseException as error:
            self._fail(part, began, error)
            raise
        self._note_start(part, began)

    async def _open_async(self, part: Part) -> None:
        """Open one part within its deadline."""
        began = perf_counter()
        try:
            if not (self._installs and self._adopt(part)):
                async with asyncio.timeout(self._start_timeout):
                    opened = await part.open_async(self.values)
                if self._is_over:  # it did not heed its cancellation
                    await opened.close_async()
                    return
                self._keep(part, opened)
        except BaseException as error:
            self._fail(part, began, error)
            raise
        self._note_start(part, began)

    def _adopt(self, part: Part) -> bool:
        """Take over what the container's users had built before; it stays theirs to close."""
        value = already_built(part)
        if value is not NOT_BUILT:
            self.values[part.index] = value
            self._know(value)
        return value is not NOT_BUILT

    def _keep(self, part: Part, opened: Opened) -> None:
        """Note a part that is open: from now on it is there, and it is ours to close."""
        if opened.needs_a_loop and not (self._has_loop or self._is_async):
            raise part.needs_a_loop("is closed asynchronously")
        if opened.is_ours and not opened.is_entered and self._is_known(opened.value):
            opened.close = opened.aclose = None  # whose it is, or an earlier part, closes it
        self._know(opened.value)
        if opened.is_ours or part.asynchronous or self._installs:  # else there is nothing to undo
            self.opened.append(opened)
        self.values[part.index] = part.wrap(opened.value) if part.wrap else opened.value
        if self._installs:
            install_value(opened)

    def _is_known(self, value: Any) -> bool:
        """Return whether a part hands on what another one is, or what was given from outside."""
        if self._known is None:
            self._known = {
                *self.plan.given_objects,
                *map(id, self.values),
                *(id(opened.value) for opened in self.opened),
            }
        return id(value) in self._known

    def _know(self, value: Any) -> None:
        if self._known is not None:
            self._known.add(id(value))

    def _note_start(self, part: Part, began: float) -> None:
        if self._timeline is not None:
            self._timeline.record(part.path, "start", began)
        if perf_counter() - began > self._start_timeout:  # a synchronous part, which nothing could interrupt
            raise self._start_error(part, self._overrun(began))

    def _fail(self, part: Part, began: float, error: BaseException) -> None:
        """Raise StartError for what a part raised; a cancellation, and the like, stays what it is."""
        if self._timeline is not None:
            self._timeline.record(part.path, "start", began, error)
        if isinstance(error, TimeoutError) and perf_counter() - began >= self._start_timeout:
            raise self._start_error(part, self._overrun(began)) from error
        if isinstance(error, Exception) and not isinstance(error, StartError):
            raise self._start_error(part, *_reason_and_hint(error)) from error

    def _overrun(self, began: float) -> str:
        took = perf_counter() - began
        return f"took {took:.2g} s to start, and start_timeout is {self._start_timeout:g} s"

    def _cancelled(self, part: Part) -> StartError:
        return self._start_error(part, "its start was cancelled by itself")

    def _start_error(self, part: Part, reason: str, hint: str = "") -> StartError:
        chain = " -> ".join(self.plan.graph.chain(part.index))
        return StartError(f"{chain}: {reason}", path=part.path, hint=hint)

    def _finish_start(self) -> None:
        if self._installs:
            reset_async_modes(node.provider for node in self.plan.graph.nodes)
        if self._timeline is not None:
            self._timeline.summarize("start")

    def _undo(self, error: BaseException) -> None:
        add_notes(error, list(self._closing.now()))

    async def _undo_async(self, error: BaseException) -> None:
        add_notes(error, await self._closing.in_loop())


def _reason_and_hint(error: Exception) -> tuple[str, str]:
    """Leave a foreign error's own text out: it may quote a secret, and the cause holds it."""
    if isinstance(error, RecursionError):
        return TOO_DEEP, MAKE_SINGLETONS
    if isinstance(error, IACSGraphError):
        return str(error), error.hint
    return type(error).__name__, ""
