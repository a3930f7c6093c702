"""Opens a part: enters it if it is a resource, so that a lock stays free, and knows how it is closed again."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from iacs.runtime.graph.kinds import Kind
from iacs.runtime.lifecycle.contexts import OwnContext
from iacs.runtime.lifecycle.keeper import Keeper
from iacs.runtime.lifecycle.throwing import details_for
from iacs.runtime.plan.expressions import Values
from iacs.runtime.plan.parts import Part, is_awaitable

T = TypeVar("T")


@dataclass(slots=True)
class Opened:
    """A part with its value, and what closes it without an event loop and in one, if that is ours to do.

    `manager` is what was entered, if anything; `keeper` the task that entered it and is to exit it.
    """

    part: Part
    value: Any
    close: Callable[..., Any] | None = None
    aclose: Callable[..., Any] | None = None
    manager: Any = None
    context: OwnContext | None = None
    keeper: Keeper | None = None

    @property
    def is_ours(self) -> bool:
        """Return whether the application closes the part."""
        return self.close is not None or self.aclose is not None

    @property
    def needs_a_loop(self) -> bool:
        """Return whether the part cannot be closed without an event loop."""
        return self.close is None and self.aclose is not None

    def begin_closing(self, error: BaseException | None, *, in_loop: bool) -> Any:
        """Close the part; return what is to be awaited for that, if anything.

        `error` is what ends the application, and is thrown into what was entered.
        """
        close = (self.aclose if in_loop else None) or self.close
        if close is None:
            return None
        arguments: Any = () if self.manager is None else details_for(self.manager, error)
        return close(*arguments)

    def run(self, function: Callable[[], T]) -> T:
        """Call a function in the part's own context, if it has one."""
        return function() if self.context is None else self.context.context.run(function)

    def leave_task(self) -> None:
        """End the task that has opened the part, unless the part is closed in it."""
        if self.keeper is not None and not self.needs_a_loop:
            self.keeper.release()
            self.keeper = None


def open_now(part: Part, made: Any, values: Values) -> Opened:
    """Enter or keep what was built, without awaiting anything."""
    if part.kind is Kind.RESOURCE and hasattr(type(made), "__enter__"):
        return Opened(part, made.__enter__(), close=made.__exit__, manager=made)
    return Opened(part, made, *part.ways_to_close(made, values))


async def open_async(part: Part, made: Any, values: Values) -> Opened:
    """Await, enter or keep what was built."""
    awaited = part.awaits or is_awaitable(made)
    if awaited:
        made = await made
    is_entered = part.kind is Kind.RESOURCE and hasattr(type(made), "__aenter__")
    if is_entered and (awaited or not hasattr(type(made), "__enter__")):
        return Opened(part, await made.__aenter__(), aclose=made.__aexit__, manager=made)
    return open_now(part, made, values)


class Opening:
    """What a keeper enters and exits: a part that `enter` opens."""

    def __init__(self, part: Part, enter: Callable[[], Awaitable[Opened]]) -> None:
        self.part = part
        self.began = perf_counter()
        self._enter = enter
        self._opened: Opened | None = None

    async def __aenter__(self) -> Opened:
        self._opened = await self._enter()
        return self._opened

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            closing = self._opened.begin_closing(error, in_loop=True) if self._opened is not None else None
            if inspect.isawaitable(closing):
                await closing
        except BaseException as raised:
            if raised is not error:
                raise
