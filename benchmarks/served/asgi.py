"""A server in the process: it speaks the ASGI protocol, and nothing of HTTP has to be parsed."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

Message = dict[str, Any]
_EMPTY = {"type": "http.request", "body": b"", "more_body": False}


class Server:
    """Serves an ASGI application: `async with Server(app)` starts and ends its lifespan."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        connection = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._lifespan = asyncio.create_task(self._app(connection, self._to_app.get, self._from_app.put))
        await self._ask("startup")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ask("shutdown")
        await self._lifespan

    async def _ask(self, phase: str) -> None:
        await self._to_app.put({"type": f"lifespan.{phase}"})
        answer = await asyncio.wait_for(self._from_app.get(), 30)
        if answer["type"] != f"lifespan.{phase}.complete":
            raise RuntimeError(answer.get("message"))

    async def get(self, path: str) -> int:
        """Return the status of a request, which runs in a task of its own, as in a server."""
        return await asyncio.create_task(self._get(path))

    async def _get(self, path: str) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            return _EMPTY

        async def send(message: Message) -> None:
            sent.append(message)

        connection = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"service.example")],
            "client": ("127.0.0.1", 50_000),
            "server": ("service.example", 80),
            "state": self._state.copy(),
        }
        await self._app(connection, receive, send)
        return int(sent[0]["status"])

    async def microseconds(self, path: str, requests: int) -> float:
        """Return the CPU time of one request, of all threads of the process."""
        start = time.process_time_ns()
        for _ in range(requests):
            await self.get(path)
        return (time.process_time_ns() - start) / requests / 1000
