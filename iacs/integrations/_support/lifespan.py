"""One lifespan of an ASGI server: an application starts before the inner one's start-up, and stops after its shutdown."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Lifespan:
    """Stands between the server and the inner ASGI application, which may have no lifespan of its own."""

    def __init__(self, inner: Callable[..., Awaitable[None]], receive: Receive, send: Send) -> None:
        self._inner = inner
        self._receive = receive
        self._send = send
        self._pending: list[Message] = []
        self._is_started = False
        self._last: Message | None = None

    async def run(self, connection: Message, application: AbstractAsyncContextManager[Any]) -> None:
        """Run both; what fails is reported to the server, then raised."""
        self._pending.append(await self._receive())
        try:
            async with application:
                await self._run_inner(connection)
        except BaseException as error:
            await self._send(self._failure(error))
            raise
        if self._last is not None:
            await self._send(self._last)

    def _failure(self, error: BaseException) -> Message:
        if self._last is not None and self._last["type"].endswith(".failed"):
            return self._last  # in the inner application's own words
        phase = "shutdown" if self._is_started else "startup"
        return {"type": f"lifespan.{phase}.failed", "message": str(error)}

    async def _run_inner(self, connection: Message) -> None:
        try:
            await self._inner(connection, self._receive_next, self._answer)
        except Exception:  # whatever an application raises that knows no lifespan
            if self._is_started or self._last is not None:
                raise
            await self._answer({"type": "lifespan.startup.complete"})
            await self._receive()
            self._last = {"type": "lifespan.shutdown.complete"}

    async def _receive_next(self) -> Message:
        return self._pending.pop() if self._pending else await self._receive()

    async def _answer(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._is_started = True
            await self._send(message)
        else:
            self._last = message  # sent after the application has stopped
