"""ASGI: the application runs in the server's lifespan, and each connection has a scope.

    api = setup(api, Application(Container()))    # any ASGI application: Starlette, FastAPI, Litestar, your own

`@inject`, `current_application()` and `connection_scope(scope)` find the scope of the connection. A
`scoped.value(Request)` of the container is passed in, whether it is Starlette's or Litestar's class.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from iacs.core.exceptions import NotStartedError
from iacs.runtime import Application, Scope
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.views.passing import Passed, passing
from iacs.runtime.views.registry import view_of
from iacs.runtime.views.view import View

Connection = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]

_KEY = "iacs.scope"


def setup(app: ASGIApplication, application: Application[Any]) -> "ScopeMiddleware":
    """Return an ASGI application that starts and stops `application` and serves each connection in a scope."""
    return ScopeMiddleware(app, application)


def connection_scope(connection: Connection) -> Scope:
    """Return the scope of a connection; raise NotStartedError without the middleware."""
    scope = connection.get(_KEY)
    if not isinstance(scope, Scope):
        raise NotStartedError("this connection has no scope", hint="call setup(app, application) first")
    return scope


class ScopeMiddleware:
    """Pure ASGI middleware; an overlay that the caller has entered, as a test does, takes the application's place."""

    def __init__(self, app: ASGIApplication, application: Application[Any]) -> None:
        self.app = app
        self.application = application
        self._is_prepared = False

    def prepare(self) -> None:
        """Check, before the first start, what a framework's routes ask for."""

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan."""
        kind = connection["type"]
        if kind == "lifespan":
            await _Lifespan(self, connection, receive, send).run()
        elif kind in ("http", "websocket") and _KEY not in connection:
            self.prepare_once()
            view = view_of(self.application)
            async with _ConnectionScope(view, connection, receive, send) as scope:
                connection[_KEY] = scope
                await self.app(connection, receive, send)
        else:
            await self.app(connection, receive, send)

    def prepare_once(self) -> None:
        """Call `prepare` the first time."""
        if not self._is_prepared:
            self.prepare()
            self._is_prepared = True


class _ConnectionScope(Scope):
    """The scope of one connection, whose `Request` or `WebSocket` is made when a part first asks for it."""

    def __init__(self, parent: View, connection: Connection, receive: Receive, send: Send) -> None:
        super().__init__(parent, {})
        self._connection = (connection, receive, send)

    def knowing(self, parent: View) -> Passed:
        """Return what is known of the connection's classes."""
        key = f"asgi {self._connection[0]['type']}"
        look = parent.passed.get(key) or self._look(parent, key)
        self._classes: tuple[type[Any], ...] = look[0]
        return look[1]

    def _look(self, parent: View, key: str) -> tuple[tuple[type[Any], ...], Passed]:
        classes = tuple(_classes_for(self._connection[0]["type"], parent))
        look = parent.passed[key] = classes, passing(parent, classes)
        return look

    def passed_values(self) -> Iterable[Any]:
        """Make an object of each class that the container declares."""
        return [cls(*self._connection) for cls in self._classes]


def _classes_for(kind: str, view: View) -> Iterator[type[Any]]:
    """Yield the classes of scoped values that are made of a connection of this kind."""
    unfit = "WebSocket" if kind == "http" else "Request"
    for node in view.plan.graph.nodes:
        if node.kind is Kind.SCOPED_VALUE:
            cls = node.provider.provides
            names = {base.__name__ for base in cls.__mro__}
            if names & {"HTTPConnection", "ASGIConnection"} and unfit not in names:
                yield cls


class _Lifespan:
    """One lifespan: the application starts before the inner one's start-up and stops after its shutdown."""

    def __init__(
        self, middleware: ScopeMiddleware, connection: Connection, receive: Receive, send: Send
    ) -> None:
        self._middleware = middleware
        self._connection = connection
        self._receive = receive
        self._send = send
        self._pending: list[MutableMapping[str, Any]] = []
        self._answered = False
        self._last: MutableMapping[str, Any] | None = None

    async def run(self) -> None:
        self._pending.append(await self._receive())
        try:
            self._middleware.prepare_once()
            async with self._middleware.application:
                await self._inner()
        except BaseException as error:
            ending = "shutdown" if self._answered else "startup"
            await self._send({"type": f"lifespan.{ending}.failed", "message": str(error)})
            raise
        if self._last is not None:
            await self._send(self._last)

    async def _inner(self) -> None:
        try:
            await self._middleware.app(self._connection, self._next, self._answer)
        except Exception:  # whatever an application raises that knows no lifespan
            if self._answered:
                raise
            await self._alone()

    async def _alone(self) -> None:
        self._answered = True
        await self._send({"type": "lifespan.startup.complete"})
        await self._receive()
        self._last = {"type": "lifespan.shutdown.complete"}

    async def _next(self) -> MutableMapping[str, Any]:
        return self._pending.pop() if self._pending else await self._receive()

    async def _answer(self, message: MutableMapping[str, Any]) -> None:
        self._answered = True
        if message["type"].startswith("lifespan.shutdown"):
            self._last = message  # sent after the application has stopped
        else:
            await self._send(message)
