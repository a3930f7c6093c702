"""Errors that a framework answers: the scope of the connection is to see them, since nobody raises them any more."""

from collections.abc import Awaitable, Callable, MutableMapping
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from iacs.integrations._support.passing import PassingScope

KEY = "iacs.scope"
"""Where an ASGI connection has its scope."""


def report(connection: MutableMapping[str, Any], error: Exception) -> None:
    """Have the scope of a connection end with an error, unless its status says that nothing went wrong."""
    scope = connection.get(KEY)
    if isinstance(scope, PassingScope) and getattr(error, "status_code", 500) >= 400:
        scope.answered = error


def report_answered_by_litestar(app: Any) -> None:
    """Add a hook, which Litestar calls before it looks for an exception handler."""

    async def hook(error: Exception, connection: MutableMapping[str, Any]) -> None:
        report(connection, error)

    app.after_exception.append(hook)


def report_answered_by_starlette(app: Any) -> None:
    """Wrap the exception handlers, those of Starlette itself too, when the application puts them together."""
    from starlette.exceptions import HTTPException, WebSocketException
    from starlette.middleware.exceptions import ExceptionMiddleware

    build = app.build_middleware_stack
    usual = ExceptionMiddleware(app.router)
    handlers = {HTTPException: usual.http_exception, WebSocketException: usual.websocket_exception}

    def build_reporting() -> Any:
        answering = handlers | app.exception_handlers
        app.exception_handlers = {key: _reporting(handler) for key, handler in answering.items()}
        return build()

    app.build_middleware_stack = build_reporting


def _reporting(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Awaitable[Any]]:
    from starlette.concurrency import run_in_threadpool

    async def answer(connection: Any, error: Exception) -> Any:
        report(connection.scope, error)
        if iscoroutinefunction(handler):
            return await handler(connection, error)
        answered = await run_in_threadpool(handler, connection, error)
        return await answered if isawaitable(answered) else answered

    return answer
