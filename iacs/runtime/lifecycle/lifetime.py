"""Starts the roots and their dependencies, dependencies first, and closes them in reverse."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from iacs.core.exceptions import StopError
from iacs.runtime.lifecycle.closing import CloseLater, Closing, add_notes, cancellations
from iacs.runtime.lifecycle.opener import Opener
from iacs.runtime.lifecycle.opening import open_all
from iacs.runtime.lifecycle.provider_values import reset_async_modes, restore_provider
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.lifecycle.waiting import Holding
from iacs.runtime.plan.expressions import Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan

_logger = logging.getLogger("iacs.runtime")


class Lifetime:
    """The parts between one start and its stop: their values, and the order in which they are closed.

    With `installs`, the container's providers return the parts too. `start_timeout` and `stop_timeout` are
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
        self._opener = Opener(
            plan,
            values,
            self.opened,
            installs=installs,
            seconds=start_timeout,
            timeline=timeline,
            lost=self._note_lost,
        )
        self._installs = installs
        self._timeline = timeline
        self._has_loop = close_later is not None
        self._lost: list[BaseException] = []
        self._on_lost: list[Callable[[BaseException], None]] = []

    def start(self, parts: Iterable[Part] | None = None) -> None:
        """Open the parts in the calling thread; close all again and raise StartError if one fails.

        `parts`, when the caller knows them, are those to open, in order.
        """
        try:
            for stage in self._stages() if parts is None else (parts,):
                self._refuse_asynchronous(stage)
                for part in stage:
                    self._opener.open(part, in_loop=False, closes_in_loop=self._has_loop)
        except BaseException as error:
            add_notes(error, list(self._closing.now()))
            raise
        self._finish_start()

    async def start_async(self, parts: Sequence[Part] | None = None) -> None:
        """Open the parts, independent ones side by side; close all again if one fails or on cancellation."""
        try:
            for stage in self._stages() if parts is None else (parts,):
                await open_all(stage, self._opener)
            if self._installs or cancellations():
                await asyncio.sleep(0)  # a cancellation that came while a synchronous part was built
        except BaseException as error:
            holding = Holding()
            add_notes(error, await self._closing.in_loop(holding))
            if holding.cancelled is not None:
                raise holding.cancelled from error
            raise
        self._finish_start()

    def stop(self, error: BaseException | None = None) -> None:
        """Close what was opened, the last first; raise what failed as one ExceptionGroup.

        `error` ends the block that the parts were opened for; what failed is then noted on it instead.
        """
        if self.opened:
            self._closing.error = error
            self._report(list(self._closing.now()), error)

    async def stop_async(
        self,
        error: BaseException | None = None,
        before: Callable[[], Awaitable[list[Exception]]] | None = None,
    ) -> bool:
        """Close as `stop` does, each part within its deadline, even when cancelled meanwhile.

        Await `before` ahead of all, and raise the errors that it returns too. Return whether `error` was the
        cancellation of the block by a part's own cancel scope, which has taken it back.
        """
        self._closing.error, holding, errors = error, Holding(), []
        if before is not None:
            closing = asyncio.ensure_future(before())
            await holding.wait((closing,))
            errors += closing.result()
        errors += await self._closing.in_loop(holding)
        error_left = self._closing.error
        self._report(errors, error_left or holding.cancelled)
        if holding.cancelled is not None and error_left is None:
            raise holding.cancelled
        return error is not None and error_left is None

    def _report(self, errors: list[Exception], error: BaseException | None) -> None:
        if self._timeline is not None:
            self._timeline.summarize("stop")
        if error is not None:
            add_notes(error, errors)
        elif errors:
            raise ExceptionGroup("parts that could not be closed", errors)

    def _note_lost(self, part: Part, error: BaseException | None) -> None:
        if error is None:
            error = StopError(f"{part.path} ended by itself while the application ran", path=part.path)
        _logger.error("part ended by itself", extra={"part": part.path, "error": type(error).__name__})
        error.add_note(f"while {part.path} was open")
        self._lost.append(error)
        for listener in self._on_lost:
            listener(error)

    def watch(self, listener: Callable[[BaseException], None]) -> None:
        """Call `listener` with the error of each part that ends by itself, or has done so."""
        self._on_lost.append(listener)
        for error in self._lost:
            listener(error)

    def disown(self) -> None:
        """Let the container's providers build for themselves; the parts stay open for another process."""
        for opened in reversed(self.opened):
            restore_provider(opened.part)

    def _stages(self) -> Iterator[list[Part]]:
        """Yield the parts to open: first those that provide the keys of selectors, then all others."""
        given_up: set[int] = set()
        while waiting := set(self.plan.undecided_selectors(self.roots, self.values)) - given_up:
            yield self.plan.missing_parts(
                (key for selector in waiting for key in self.plan.keys_of(selector)), self.values
            )
            given_up |= {selector for selector in waiting if not self._choose(selector)}
        yield self.plan.missing_parts(self.roots, self.values)

    def _choose(self, selector: int) -> bool:
        """Choose a branch; return False if that fails, which is an error only for a part that needs the selector."""
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

    def _finish_start(self) -> None:
        if self._installs:
            reset_async_modes(node.provider for node in self.plan.graph.nodes)
        if self._timeline is not None:
            self._timeline.summarize("start")
