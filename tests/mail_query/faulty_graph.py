"""A stand-in's Graph through a proxy that fails at random, while the mail in it changes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

from aiohttp import ClientSession, web

from iacs.sandbox.mail.mailbox import Mailbox
from tests.mail_query.whole import letter

FOLDERS = ("inbox", "archive", "inbox/orders", "deleteditems")
HTML = b"<!doctype html><title>Log in to the network</title>"
STOPPED = "Application is over its MailboxConcurrency limit."


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> web.Response:
    """Return Graph's error, whose headers have underscores for hyphens."""
    error = {"error": {"code": code, "message": message}}
    return web.json_response(
        error, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


FAULTS: Mapping[str, Callable[[], web.Response]] = {
    "throttled": lambda: refusal(429, "TooManyRequests"),
    "throttled until a time": lambda: refusal(429, "TooManyRequests", Retry_After="0"),
    "too many at a time": lambda: refusal(429, "ApplicationThrottled", STOPPED),
    "unavailable": lambda: refusal(503, "ServiceUnavailable"),
    "timed out": lambda: refusal(504, "UnknownError"),
    "empty": lambda: web.Response(content_type="application/json"),
    "a web page": lambda: web.Response(body=HTML, content_type="text/html"),
    "an unknown token": lambda: refusal(401, "InvalidAuthenticationToken"),
    "an unknown state": lambda: refusal(410, "SyncStateNotFound"),
}
ONCE = frozenset({"an unknown token", "an unknown state"})
"""The faults that a request has only once: what is asked next is another token, or another page."""
BODIES = ("cut off", "disconnected", "half a body", "slow")
"""The faults of an answer that Graph has given."""


class FaultyGraph:
    """A server before a stand-in: `failing` is the share of requests that fail, `changing` of those before changes.

    Of these changes at most `changes_left` happen, so that a sync comes to an end.
    """

    def __init__(self, upstream: str, mailbox: Mailbox, seed: int) -> None:
        self.url = ""
        self.failing = self.changing = 0.0
        self.changes_left = 0
        self.faults: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self._upstream = upstream.removesuffix("/v1.0")
        self._mailbox = mailbox
        self._random = Random(seed)  # noqa: S311
        self._failed: set[str] = set()
        self._number = 0
        self._http: ClientSession | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault(request.raw_path)
        if fault in FAULTS:
            return FAULTS[fault]()
        if fault == "slow":
            await asyncio.sleep(self._random.uniform(0.0, 0.05))
        if self.changes_left and self._random.random() < self.changing:
            self.changes_left -= 1
            self.change()
        return await self._passed_on(request, fault)

    def _fault(self, target: str) -> str:
        if self._random.random() >= self.failing:
            return ""
        fault = self._random.choice([*FAULTS, *BODIES])
        if fault in ONCE and target in self._failed:
            return ""
        self._failed.add(target)
        self.faults[fault] += 1
        return fault

    async def _passed_on(self, request: web.Request, fault: str) -> web.StreamResponse:
        assert self._http is not None
        async with self._http.get(f"{self._upstream}{request.raw_path}", headers=request.headers) as response:
            body = await response.read()
        headers = {"Content-Type": response.headers["Content-Type"]}
        if fault == "cut off":
            body = body[: self._random.randrange(1, len(body))]
        if fault in ("disconnected", "half a body") and request.transport is not None:
            if fault == "half a body":
                request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                request.transport.write(body[: len(body) // 2])
            request.transport.close()
        return web.Response(body=body, status=response.status, headers=headers)

    def add(self) -> None:
        """Let a new message arrive."""
        self._number += 1
        self._mailbox.add(letter(self._number), folder=self._random.choice(FOLDERS))

    def change(self) -> None:
        """Let a message arrive, move, change or go away."""
        change = self._random.choice(["arrive", "arrive", "move", "move", "mark", "remove"])
        self.changes[change] += 1
        if change == "arrive" or not self._mailbox.messages:
            self.add()
            return
        message = self._random.choice(self._mailbox.messages)
        if change == "move":
            self._mailbox.move(message.immutable_id, self._random.choice(FOLDERS))
        elif change == "mark":
            self._mailbox.change(message.immutable_id, isRead=self._random.random() < 0.5)
        else:
            self._mailbox.remove(message.immutable_id)

    @asynccontextmanager
    async def served(self) -> AsyncIterator["FaultyGraph"]:
        """Serve until the end of the block."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1.0"
            async with ClientSession() as self._http:
                yield self
        finally:
            await runner.cleanup()
