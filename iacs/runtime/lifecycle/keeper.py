"""Enters and exits an asynchronous context manager in one task, as anyio's task groups and cancel scopes require."""

import asyncio
from typing import Any

from iacs.runtime.lifecycle.waiting import cancel_and_wait


class Keeper:
    """A task that enters `manager`, waits, and exits it; errors are raised where `enter` and `exit` are called."""

    def __init__(self, manager: Any, name: str) -> None:
        self._manager = manager
        self._name = name
        self._leaving: asyncio.Future[tuple[Any, Any, Any]] | None = None
        self._task: asyncio.Task[Any] | None = None

    async def enter(self) -> Any:
        """Return what entering returned."""
        loop = asyncio.get_running_loop()
        self._leaving = loop.create_future()
        entered = loop.create_future()
        self._task = loop.create_task(self._keep(entered, self._leaving), name=self._name)
        try:
            await asyncio.wait({entered, self._task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await cancel_and_wait((self._task,))
            raise
        return entered.result() if entered.done() else self._task.result()

    async def exit(self, *error: Any) -> Any:
        """Exit with the type, the error and the traceback of a block, or three times None."""
        if self._leaving is not None and self._task is not None:
            if not self._leaving.done():
                self._leaving.set_result(error)
            return await asyncio.shield(self._task)
        return None

    async def _keep(self, entered: asyncio.Future[Any], leaving: asyncio.Future[tuple[Any, Any, Any]]) -> Any:
        entered.set_result(await self._manager.__aenter__())
        try:
            error = await leaving
        except (
            asyncio.CancelledError
        ) as cancelled:  # by a task group of the manager's own, whose child failed
            error = (type(cancelled), cancelled, cancelled.__traceback__)
        return await self._manager.__aexit__(*error)
