"""A server that answers as a test dictates: for answers that a well-behaved stand-in never gives."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from iacs.core.exceptions import AccountNotFoundError


@dataclass(frozen=True)
class Reply:
    """`document` is sent as JSON, `body` as it is; `{url}` is the server's own address.

    The server sets `asked` when it is, and answers once `until` is set.
    """

    document: Any = None
    body: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    asked: asyncio.Event | None = None
    until: asyncio.Event | None = None

    def content(self, url: str) -> bytes:
        body = json.dumps(self.document).encode() if self.body is None else self.body
        return body.replace(b"{url}", url.encode())


@dataclass(frozen=True)
class Asked:
    target: str
    headers: CIMultiDict[str]


class ScriptedGraph:
    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.running = 0
        self.most_running = 0
        self.handler: Callable[[web.Request], Reply | None] | None = None
        self._replies: dict[str, deque[Reply]] = {}

    def on(self, target: str, *replies: Reply) -> None:
        """Answer a target, with or without its query, by each reply once and by the last one ever after."""
        self._replies[target] = deque(replies)

    def replies(self, target: str) -> tuple[Reply, ...]:
        """Return the replies that are left for a target."""
        return tuple(self._replies[target])

    @property
    def targets(self) -> list[str]:
        return [asked.target for asked in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        target = request.raw_path.removeprefix("/v1.0")
        self.asked.append(Asked(target, CIMultiDict(request.headers)))
        if self.handler is not None and (reply := self.handler(request)) is not None:
            return await self._send(request, reply)
        replies = self._replies.get(target) or self._replies.get(target.partition("?")[0])
        if replies is None:
            return web.json_response({"error": {"code": "ErrorItemNotFound", "message": target}}, status=404)
        return await self._send(request, replies.popleft() if len(replies) > 1 else replies[0])

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.asked is not None:
            reply.asked.set()
        if reply.until is not None:
            await asyncio.wait_for(reply.until.wait(), 10)
        if reply.drop:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=reply.content(self.url), status=reply.status, headers=reply.headers)


@asynccontextmanager
async def scripted_graph() -> AsyncIterator[ScriptedGraph]:
    graph = ScriptedGraph()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", graph.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        graph.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1.0"
        yield graph
    finally:
        await runner.cleanup()


def page(*items: Any, next_link: str | None = None, delta_link: str | None = None) -> Reply:
    links = {"@odata.nextLink": next_link, "@odata.deltaLink": delta_link}
    return Reply({"value": list(items)} | {name: link for name, link in links.items() if link})


def refusal(status: int, code: str, **headers: str) -> Reply:
    document = {"error": {"code": code, "message": "No.", "innerError": {"request-id": "r-1"}}}
    return Reply(
        document, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    status: str = "active"
    access: str = "delegated"
    via: str = ""
    mailbox_path: str = "me"


class People:
    """The accounts of a test."""

    def __init__(self, *people: Person) -> None:
        self.people = {person.email: person for person in people}

    async def get(self, email: str) -> Person:
        if email not in self.people:
            raise AccountNotFoundError(f"{email} is not enrolled")
        return self.people[email]

    async def get_enabled(self, email: str) -> Person:
        return await self.get(email)
