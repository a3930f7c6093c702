"""Opens one part after the other: takes over what was built before, builds, installs, and notes what is to be closed."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from iacs.core.exceptions import StartError
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.lifecycle.contexts import OwnContext
from iacs.runtime.lifecycle.keeper import Keeper
from iacs.runtime.lifecycle.opened import Opened, Opening, open_async, open_now
from iacs.runtime.lifecycle.provider_values import NOT_BUILT, already_built, install_value
from iacs.runtime.lifecycle.start_errors import StartErrors
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.plan.expressions import Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan

Lost = Callable[[Part, BaseException | None], None]


class Opener:
    """Opens parts into `values`, and adds to `opened` what is to be closed again.

    With `installs`, the container's providers return the parts, too. `seconds` is the deadline of each part.
    `lost` is called when a part ends by itself, as by a task group of its own.
    """

    def __init__(
        self,
        plan: Plan,
        values: Values,
        opened: list[Opened],
        *,
        installs: bool,
        seconds: float,
        timeline: Timeline | None,
        lost: Lost,
    ) -> None:
        self._plan = plan
        self._values = values
        self._opened = opened
        self._installs = installs
        self._seconds = seconds
        self._timeline = timeline
        self._lost = lost
        self._known: set[int] | None = None
        self._errors = StartErrors(plan.graph, seconds)

    def open(self, part: Part, *, in_loop: bool, closes_in_loop: bool) -> Keeper | None:
        """Open a part, or return the task that opens it if that has to be awaited.

        Raise StartError, naming the part, if it fails, or if it needs an event loop and there is none.
        """
        began = perf_counter()
        try:
            keeper = self._open(part, in_loop=in_loop, closes_in_loop=closes_in_loop)
        except BaseException as error:
            self._fail(part, began, error)
            raise
        if keeper is None:
            self._note_start(part, began)
        return keeper

    def _open(self, part: Part, *, in_loop: bool, closes_in_loop: bool) -> Keeper | None:
        if self._installs and self._is_taken_over(part):
            return None
        context = OwnContext() if part.kind is Kind.RESOURCE or part.asynchronous else None
        made = part.build(self._values) if context is None else context.context.run(part.build, self._values)
        if part.is_awaited(made):
            if in_loop:
                return self._begun(part, made, context or OwnContext())
            _forget(made)
            raise part.needs_a_loop("is built asynchronously")
        enter = partial(open_now, part, made, self._values)
        opened = enter() if context is None else context.context.run(enter)
        opened.context = context
        self._keep(opened, closes_in_loop=closes_in_loop)
        self._install(opened)
        return None

    def _begun(self, part: Part, made: Any, context: OwnContext) -> Keeper:
        async def enter() -> Opened:
            opened = await open_async(part, made, self._values)
            opened.context, opened.keeper = context, keeper
            if not keeper.is_asked:  # the start was not given up meanwhile
                self._keep(opened, closes_in_loop=True)
            return opened

        keeper = Keeper(Opening(part, enter), part.path, lost=partial(self._lost, part))
        keeper.begin(context.context, seconds=self._seconds)
        return keeper

    def finish(self, keeper: Keeper) -> None:
        """Install what a task has opened; raise StartError if it has failed."""
        part, began = keeper.manager.part, keeper.manager.began
        try:
            try:
                opened: Opened = keeper.result()
            except asyncio.CancelledError:
                raise self._errors.error(part, "its start was cancelled by itself") from None
            self._install(opened)
            opened.leave_task()
        except BaseException as error:
            self._fail(part, began, error)
            raise
        self._note_start(part, began)

    def _is_taken_over(self, part: Part) -> bool:
        """Take over an object that users of the container had built before, and that they close."""
        value = already_built(part)
        if value is not NOT_BUILT:
            self._values[part.index] = value
            self._know(value)
        return value is not NOT_BUILT

    def _keep(self, opened: Opened, *, closes_in_loop: bool) -> None:
        """Note a part that is open, and that the application closes from now on."""
        part = opened.part
        if opened.needs_a_loop and not closes_in_loop:
            raise part.needs_a_loop("is closed asynchronously")
        if opened.is_ours and opened.manager is None and self._is_known(opened.value):
            opened.close = opened.aclose = None  # whose it is, or an earlier part, closes it
        self._know(opened.value)
        if opened.is_ours or part.asynchronous or self._installs:  # else there is nothing to undo
            self._opened.append(opened)

    def _install(self, opened: Opened) -> None:
        """Make the part readable, and the context variables visible that it has set."""
        part = opened.part
        if opened.context is not None:
            opened.context.show()
        self._values[part.index] = part.wrap(opened.value) if part.wrap else opened.value
        if self._installs:
            install_value(part, opened.value)

    def _is_known(self, value: Any) -> bool:
        """Return whether a part is the same object as another one, or was given from outside."""
        if self._known is None:
            self._known = {
                *self._plan.given_objects,
                *map(id, self._values),
                *(id(opened.value) for opened in self._opened),
            }
        return id(value) in self._known

    def _know(self, value: Any) -> None:
        if self._known is not None:
            self._known.add(id(value))

    def _note_start(self, part: Part, began: float) -> None:
        if self._timeline is not None:
            self._timeline.record(part.path, "start", began)
        if perf_counter() - began > self._seconds:  # a synchronous part, which nothing could interrupt
            raise self._errors.overrun(part, began)

    def _fail(self, part: Part, began: float, error: BaseException) -> None:
        """Raise StartError for what a part raised; a cancellation, and the like, stays what it is."""
        if self._timeline is not None:
            self._timeline.record(part.path, "start", began, error)
        if isinstance(error, Exception) and not isinstance(error, StartError):
            raise self._errors.of(part, began, error) from error


def _forget(made: Any) -> None:
    """Keep Python from reporting a coroutine that is not awaited."""
    if asyncio.isfuture(made):
        made.cancel()
    elif asyncio.iscoroutine(made):
        made.close()
