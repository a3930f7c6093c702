"""ASGI: the application runs in the server's lifespan, and each connection has a scope.

    api = setup(api, Application(Container()))    # Starlette, FastAPI, Litestar, or any other ASGI application

`@inject`, `current_application()` and `connection_scope(connection)` find the scope of the connection. A
`scoped.value(Request)` of the container is passed in, whether it is Starlette's or Litestar's class.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from iacs.core.exceptions import NotStartedError
from iacs.integrations._support.answered import (
    KEY,
    report,
    report_answered_by_litestar,
    report_answered_by_starlette,
)
from iacs.integrations._support.checked import check_application
from iacs.integrations._support.lifespan import Lifespan, Message, Receive, Send
from iacs.integrations._support.passing import PassingScope
from iacs.runtime import Application, Scope

__all__ = ["ScopeMiddleware", "connection_scope", "report", "setup", "sign_in_pages"]

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]


def setup(app: ASGIApplication, application: Application[Any]) -> ASGIApplication:
    """Return an ASGI application that starts and stops `application` and serves each connection in a scope.

    For Starlette and FastAPI that is `app` itself, with a middleware added.
    """
    if hasattr(app, "build_middleware_stack"):
        app.add_middleware(ScopeMiddleware, application=application)  # type: ignore[attr-defined]
        report_answered_by_starlette(app)
        return app
    if isinstance(getattr(app, "after_exception", None), list):
        report_answered_by_litestar(app)
    return ScopeMiddleware(app, application)


def connection_scope(connection: Message) -> Scope:
    """Return the scope of a connection; raise NotStartedError without the middleware."""
    scope = connection.get(KEY)
    if not isinstance(scope, Scope):
        raise NotStartedError("this connection has no scope", hint="call setup(app, application) first")
    return scope


def sign_in_pages(
    application: Application[Any],
    *,
    is_operator: Callable[[Message], bool | Awaitable[bool]] = lambda _connection: False,
) -> ASGIApplication:
    """Return the sign-in pages for `api.mount("/sign-in", …)`; AZURE_REDIRECT_URI ends with /sign-in/callback.

    `is_operator` decides who sees the accounts, by the scope of the connection: by default nobody, and only reconnect
    links work.
    """
    from iacs.integrations._support.pages import Pages

    check_application(application, call="sign_in_pages(Application(container))")
    return Pages(application, is_operator)


class ScopeMiddleware:
    """Pure ASGI middleware; an overlay that the caller has entered, as a test does, stands in for the application.

    `prepare` is called once, when the application has started.
    """

    def __init__(
        self, app: ASGIApplication, application: Application[Any], prepare: Callable[[], None] | None = None
    ) -> None:
        check_application(application)
        self.app = app
        self.application = application
        self._prepare = prepare

    async def __call__(self, connection: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan."""
        if connection["type"] == "lifespan":
            await Lifespan(self.app, receive, send).run(connection, self._running())
            return
        if self._prepare is not None:
            self._prepare_once()
        outer = connection.get(KEY)
        if connection["type"] not in ("http", "websocket") or (
            outer is not None and outer.application is self.application
        ):
            await self.app(connection, receive, send)
            return
        async with _ConnectionScope(self.application, connection, receive, send) as scope:
            connection[KEY] = scope
            try:
                await self.app(connection, receive, send)
            finally:  # the two refer to each other: only a garbage collection would free them
                del connection[KEY]
                if outer is not None:
                    connection[KEY] = outer

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with self.application:
            self._prepare_once()
            yield

    def _prepare_once(self) -> None:
        prepare, self._prepare = self._prepare, None
        if prepare is not None:
            prepare()


class _ConnectionScope(PassingScope):
    """The scope of one connection; its `Request` or `WebSocket` is made when a part first asks for it."""

    @property
    def key(self) -> str:
        """The kind of the connection."""
        kind: str = self._objects[0]["type"]
        return kind

    def is_instance(self, cls: type[Any]) -> bool:
        """Return whether a class is made of a connection of this kind: a request is not a web socket."""
        unfit = "WebSocket" if self.key == "http" else "Request"
        names = {base.__name__ for base in cls.__mro__}
        return bool(names & {"HTTPConnection", "ASGIConnection"}) and unfit not in names

    def instance(self, cls: type[Any]) -> Any:
        """Make the connection an object; Starlette's HTTPConnection cannot send."""
        return cls(*self._objects[:2] if cls.__name__ == "HTTPConnection" else self._objects)
