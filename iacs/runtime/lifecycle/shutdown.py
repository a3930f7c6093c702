"""A part's request that the application stop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

End = Callable[[BaseException | None], None]


class Ending:
    """The end of a run: the first request to end it, with or without an error."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[BaseException | None] = self._loop.create_future()

    def end(self, error: BaseException | None = None) -> None:
        """Request the end, in the event loop."""
        if not self.asked.done():
            self.asked.set_result(error)

    def end_from_any_thread(self, error: BaseException | None = None) -> None:
        """Request the end from any thread; nothing happens when the event loop is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.end, error)


class ShutdownRequest:
    """Lets a part ask that the application stop: `Application.run` then ends, with the error that was given, if any.

    Declare it as `shutdown = providers.Singleton(ShutdownRequest)` and inject it. An application that is entered with
    `async with` waits for the request itself: `await app.get(ShutdownRequest).wait()`.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: list[End] = []
        self._error: BaseException | None = None
        self.is_requested = False

    def request(self, error: BaseException | None = None) -> None:
        """Request the stop, from any thread; the first request counts."""
        with self._lock:
            listeners = () if self.is_requested else tuple(self._listeners)
            if not self.is_requested:
                self.is_requested, self._error = True, error
        for listener in listeners:
            listener(error)

    async def wait(self) -> None:
        """Wait for the request; raise the error that was given with it."""
        ending = Ending()
        self.subscribe(ending.end_from_any_thread)
        try:
            error = await ending.asked
        finally:
            self.unsubscribe(ending.end_from_any_thread)
        if error is not None:
            raise error

    def subscribe(self, listener: End) -> None:
        """Call `listener` at the request, in the thread that makes it, or now if it has been made."""
        with self._lock:
            self._listeners.append(listener)
            is_requested = self.is_requested
        if is_requested:
            listener(self._error)

    def unsubscribe(self, listener: End) -> None:
        """Stop calling `listener`."""
        with self._lock:
            self._listeners.remove(listener)
