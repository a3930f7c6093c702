"""The open parts of a scope, which are exited in reverse order with the error of its block."""

import asyncio
import inspect
from typing import Any

from iacs.core.exceptions import ScopeError
from iacs.runtime.lifecycle.cancellation import outer_cancel_scopes
from iacs.runtime.lifecycle.closing import add_notes
from iacs.runtime.lifecycle.keeper import Keeper
from iacs.runtime.lifecycle.throwing import details
from iacs.runtime.plan.scoping import Exit, Part
from iacs.runtime.views.leaving import Leaving

Entry = tuple[Part, Exit | None, Exit | None]


class Exits:
    """The open parts of one scope, in the order in which they were opened.

    `task` has entered the scope, None for a scope without an event loop; `seconds` is the deadline of each part.
    """

    __slots__ = ("_entries", "_failures", "_outer", "_seconds", "task")

    def __init__(self, task: "asyncio.Task[Any] | None", seconds: float) -> None:
        self.task = task
        self._outer: frozenset[str] | None = None
        self._seconds = seconds
        self._entries: list[Entry] = []
        self._failures: list[Exception] = []

    def add(self, part: Part, exit: Exit | None, aexit: Exit | None = None) -> None:
        """Exit a part when the scope ends."""
        if exit is None and self.task is None:
            raise _is_asynchronous(part, "closed")
        self._entries.append((part, exit, aexit))

    def opens_here(self, part: Part) -> bool:
        """Return whether the current task has entered the scope; raise ScopeError when none has."""
        if self.task is None:
            raise _is_asynchronous(part, "opened")
        if self._outer is None:
            self._outer = outer_cancel_scopes(self.task)
        return asyncio.current_task() is self.task

    async def enter(self, part: Part, manager: Any) -> Any:
        """Enter a part in the task that entered the scope; for another task, in a task of the part's own."""
        if self.opens_here(part):
            value, aexit = await manager.__aenter__(), manager.__aexit__
        else:
            keeper = Keeper(manager, part.path)
            value, aexit = await keeper.enter(), keeper.exit
        self._entries.append((part, None, aexit))
        return value

    def close(self, error: BaseException | None) -> None:
        """Exit every part; raise what went wrong, unless the block has an error of its own."""
        while self._entries:
            part, leave, _ = self._entries.pop()
            thrown = error or next(iter(self._failures), None)
            try:
                _exited_now(part, leave, thrown)
            except Exception as raised:  # noqa: BLE001 - every part has its turn, then all is raised
                self._fail(part, raised, thrown)
            except BaseException as raised:
                if raised is not error:
                    self.close(raised)
                    raise
        self._report(error)

    async def close_async(self, error: BaseException | None) -> bool:
        """Exit every part, each within its deadline and also when cancelled meanwhile; then raise as `close` does.

        Return whether the block's error was a cancellation by a part's own task group or cancel scope, which
        that part has dealt with.
        """
        if not self._entries:
            return False
        leaving = Leaving(error, self._seconds, self._outer or frozenset())
        while self._entries:
            part, leave, aleave = self._entries.pop()
            thrown = leaving.error or next(iter(self._failures), None)
            try:
                if leaving.begin(aleave or leave, thrown):
                    await leaving.finish(thrown)
            except Exception as raised:  # noqa: BLE001 - every part has its turn, then all is raised
                self._fail(part, raised, thrown)
        self._report(leaving.error)
        leaving.resume()
        if leaving.error is not None and leaving.error is not error:
            raise leaving.error
        return leaving.error is None and error is not None

    def _fail(self, part: Part, raised: Exception, thrown: BaseException | None) -> None:
        if raised is not thrown:
            raised.add_note(f"while {part.path} was closed")
            self._failures.append(raised)

    def _report(self, error: BaseException | None) -> None:
        failures, self._failures = self._failures, []
        if failures and error is None:
            raise ExceptionGroup("scoped parts that could not be closed", failures)
        if error is not None:
            add_notes(error, failures)


def _exited_now(part: Part, leave: Exit | None, error: BaseException | None) -> None:
    returned = leave(*details(error)) if leave is not None else None
    if inspect.iscoroutine(returned):
        returned.close()
        raise _is_asynchronous(part, "closed")


def _is_asynchronous(part: Part, what: str) -> ScopeError:
    return ScopeError(
        f"{part.path} is {what} asynchronously", hint="enter the scope with 'async with'", path=part.path
    )
