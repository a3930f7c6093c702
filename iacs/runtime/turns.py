"""Lets the starts and stops of one application wait for one another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from iacs.core.exceptions import IACSGraphError


class Turns:
    """One start or stop at a time: those of one event loop queue, those from elsewhere are refused."""

    def __init__(self) -> None:
        self._under_way: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait until nothing is under way; raise IACSGraphError if that is in another event loop."""
        loop = asyncio.get_running_loop()
        while self._under_way is not None and self._under_way.get_loop() is loop:
            await asyncio.wait({self._under_way})
        self.refuse_to_wait()
        self._under_way = mine = loop.create_future()
        try:
            yield
        finally:
            self._under_way = None
            mine.set_result(None)

    def refuse_to_wait(self) -> None:
        """Raise IACSGraphError if a start or stop is under way."""
        if self._under_way is not None and not self._under_way.get_loop().is_closed():
            raise IACSGraphError(
                "the application is being started or stopped in another thread or event loop"
            )
