"""What has to be exited when a scope ends, each with the error of the block, in reverse order."""

import asyncio
import inspect
from functools import partial
from typing import Any

from iacs.core.exceptions import IACSGraphError, ScopeError
from iacs.runtime.lifecycle.cancellation import cancelled_inside, outer_cancel_scopes
from iacs.runtime.lifecycle.closing import add_notes
from iacs.runtime.lifecycle.finishing import Finishing
from iacs.runtime.lifecycle.keeper import Keeper
from iacs.runtime.plan.scoping import Exit, ScopedPart

Entry = tuple[ScopedPart, Exit | None, Exit | None]


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

    def add(self, part: ScopedPart, exit: Exit | None, aexit: Exit | None = None) -> None:
        """Exit a part when the scope ends."""
        if exit is None and self.task is None:
            raise _is_asynchronous(part, "closed")
        self._entries.append((part, exit, aexit))

    async def enter(self, part: ScopedPart, manager: Any) -> Any:
        """Enter a part in the task that entered the scope; for another task, in a task of the part's own."""
        if self.task is None:
            raise _is_asynchronous(part, "opened")
        if self._outer is None:
            self._outer = outer_cancel_scopes(self.task)
        if asyncio.current_task() is self.task:
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
        leaving = _Leaving(error, self._seconds, self._outer or frozenset())
        while self._entries:
            part, leave, aleave = self._entries.pop()
            thrown = leaving.error or next(iter(self._failures), None)
            try:
                await leaving.run(aleave or leave, thrown)
            except Exception as raised:  # noqa: BLE001 - every part has its turn, then all is raised
                self._fail(part, raised, thrown)
        self._report(leaving.error)
        leaving.resume()
        if leaving.error is not None and leaving.error is not error:
            raise leaving.error
        return leaving.error is None and error is not None

    def _fail(self, part: ScopedPart, raised: Exception, thrown: BaseException | None) -> None:
        if raised is not thrown:
            raised.add_note(f"while {part.path} was closed")
            self._failures.append(raised)

    def _report(self, error: BaseException | None) -> None:
        failures, self._failures = self._failures, []
        if failures and error is None:
            raise ExceptionGroup("scoped parts that could not be closed", failures)
        if error is not None:
            add_notes(error, failures)


class _Leaving:
    """One end of a scope: the error that its parts see, and the cancellations that come meanwhile."""

    def __init__(self, error: BaseException | None, seconds: float, outer: frozenset[str]) -> None:
        self.error = error
        self._seconds = seconds
        self._outer = outer
        self._task = asyncio.current_task()
        self._cancelling = self._count()
        self._held: asyncio.CancelledError | None = None

    def _count(self) -> int:
        return self._task.cancelling() if self._task is not None else 0

    async def run(self, leave: Exit | None, thrown: BaseException | None) -> None:
        """Exit one part, which sees `thrown`; raise an Exception if it fails."""
        finishing = Finishing(
            _exited(leave, thrown), self._seconds, partial(cancelled_inside, outer=self._outer)
        )
        raised: BaseException | None = None
        try:
            await finishing
        except BaseException as error:  # noqa: BLE001 - sorted out below
            raised = error
        self._held = finishing.cancelled or self._held
        if finishing.overran:
            raise TimeoutError(f"it did not end within {self._seconds:g} s") from raised
        if not self._took_back(raised) and raised is not None and raised is not thrown:
            self._fail(raised)

    def _took_back(self, raised: BaseException | None) -> bool:
        """Return whether a part took back the cancellation of the block, since it was its own; note what it raised."""
        count, before = self._count(), self._cancelling
        self._cancelling = count
        is_taken_back = isinstance(self.error, asyncio.CancelledError) and count < before
        if is_taken_back:
            self.error = raised
        return is_taken_back

    def _fail(self, raised: BaseException) -> None:
        if isinstance(raised, asyncio.CancelledError):
            raise IACSGraphError("it was cancelled before its end") from raised
        if isinstance(raised, Exception):
            raise raised
        self.error = raised  # Ctrl-C and the like: the other parts are closed, then it is raised

    def resume(self) -> None:
        """Raise the cancellation that was held back."""
        if self._held is not None and self.error is None:
            raise self._held


def _details(error: BaseException | None) -> tuple[Any, Any, Any]:
    return (None, None, None) if error is None else (type(error), error, error.__traceback__)


def _exited_now(part: ScopedPart, leave: Exit | None, error: BaseException | None) -> None:
    returned = leave(*_details(error)) if leave is not None else None
    if inspect.iscoroutine(returned):
        returned.close()
        raise _is_asynchronous(part, "closed")


async def _exited(leave: Exit | None, error: BaseException | None) -> None:
    """Exit a part, and await what that returned if it is to be awaited."""
    returned = leave(*_details(error)) if leave is not None else None
    if inspect.isawaitable(returned):
        await returned


def _is_asynchronous(part: ScopedPart, what: str) -> ScopeError:
    return ScopeError(
        f"{part.path} is {what} asynchronously", hint="enter the scope with 'async with'", path=part.path
    )
