"""Opens parts side by side, each as soon as those it waits for are there."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from iacs.runtime.lifecycle.waiting import cancel_and_wait, uninterrupted
from iacs.runtime.plan.parts import Part

Open = Callable[[Part], Coroutine[Any, Any, None]]


async def open_all(parts: Sequence[Part], open_one: Open, cancelled: Callable[[Part], Exception]) -> None:
    """Open the parts, each after its `waits`; end what is under way before an error is raised.

    `cancelled` gives the error of a part whose start was cancelled by itself.
    """
    await _Opening(parts, open_one, cancelled).run()


class _Opening:
    """Asynchronous parts open in tasks of their own, the others one after another in the caller's."""

    def __init__(self, parts: Sequence[Part], open_one: Open, cancelled: Callable[[Part], Exception]) -> None:
        todo = {part.index for part in parts}
        self._open_one = open_one
        self._cancelled = cancelled
        self._waits = {part.index: set(part.waits & todo) for part in parts}
        self._ready = deque(part for part in parts if not self._waits[part.index])
        self._tasks: dict[asyncio.Task[None], Part] = {}
        self._dependants: dict[int, list[Part]] = {}
        for part in parts:
            for index in self._waits[part.index]:
                self._dependants.setdefault(index, []).append(part)

    async def run(self) -> None:
        try:
            while self._ready or self._tasks:
                await self._open_ready()
                await self._finish_some()
        except BaseException:
            await uninterrupted(cancel_and_wait(self._tasks))
            raise

    async def _open_ready(self) -> None:
        while self._ready:
            part = self._ready.popleft()
            if part.asynchronous and not part.local:
                self._tasks[asyncio.create_task(self._open_one(part), name=part.path)] = part
            else:
                await self._open_one(part)
                self._let_follow(part)
            if self._tasks:
                await asyncio.sleep(0)  # what is under way goes on

    async def _finish_some(self) -> None:
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                part = self._tasks.pop(task)
                if task.cancelled():  # by itself: nobody else has asked it to end
                    raise self._cancelled(part)
                task.result()
                self._let_follow(part)

    def _let_follow(self, part: Part) -> None:
        for dependant in self._dependants.get(part.index, ()):
            waits = self._waits[dependant.index]
            waits.discard(part.index)
            if not waits:
                self._ready.append(dependant)
