"""Opens parts concurrently, as soon as their dependencies are open."""

import asyncio
from collections import deque
from collections.abc import Sequence

from iacs.runtime.lifecycle.keeper import Keeper
from iacs.runtime.lifecycle.opener import Opener
from iacs.runtime.lifecycle.waiting import Holding, cancel_and_wait
from iacs.runtime.plan.parts import Part


async def open_all(parts: Sequence[Part], opener: Opener) -> None:
    """Open the parts after their dependencies; if one fails, end the others that are being opened first."""
    for position, part in enumerate(parts):
        keeper = opener.open(part, in_loop=True, closes_in_loop=True)
        if keeper is not None:
            if not keeper.is_open:
                await _SideBySide(part, keeper, parts[position + 1 :], opener).run()
                return
            opener.finish(keeper)


class _SideBySide:
    """Asynchronous parts open in tasks of their own, the others one after another in the caller's.

    `part` is under way; `parts` come after it, in an order in which they might be opened one by one.
    """

    def __init__(self, part: Part, keeper: Keeper, parts: Sequence[Part], opener: Opener) -> None:
        todo = {part.index, *(part.index for part in parts)}
        self._opener = opener
        self._waits = {part.index: set(part.waits & todo) for part in parts}
        self._ready = deque(part for part in parts if not self._waits[part.index])
        self._keepers = {keeper.entered: (part, keeper)}
        self._dependants: dict[int, list[Part]] = {}
        for dependant in parts:
            for index in self._waits[dependant.index]:
                self._dependants.setdefault(index, []).append(dependant)

    async def run(self) -> None:
        try:
            while self._ready or self._keepers:
                await self._open_ready()
                await self._finish_some()
        except BaseException as error:
            tasks = [keeper.end(None) for _, keeper in self._keepers.values() if not keeper.entered.done()]
            holding = Holding()
            await cancel_and_wait(tasks, holding)
            if holding.cancelled is not None:
                raise holding.cancelled from error
            raise

    async def _open_ready(self) -> None:
        while self._ready:
            part = self._ready.popleft()
            keeper = self._opener.open(part, in_loop=True, closes_in_loop=True)
            if keeper is None:
                self._let_follow(part)
            elif keeper.is_open:
                self._opener.finish(keeper)
                self._let_follow(part)
            else:
                self._keepers[keeper.entered] = part, keeper
            if self._keepers:
                await asyncio.sleep(0)  # what is under way goes on

    async def _finish_some(self) -> None:
        if self._keepers:
            if not any(entered.done() for entered in self._keepers):
                await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
            for entered in [entered for entered in self._keepers if entered.done()]:
                part, keeper = self._keepers.pop(entered)
                self._opener.finish(keeper)
                self._let_follow(part)

    def _let_follow(self, part: Part) -> None:
        for dependant in self._dependants.get(part.index, ()):
            waits = self._waits[dependant.index]
            waits.discard(part.index)
            if not waits:
                self._ready.append(dependant)
