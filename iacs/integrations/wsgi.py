"""WSGI: each request has a scope, in whichever thread it is served.

    app = setup(app, Application(Container()))    # any WSGI application

`@inject`, `current_application()` and `request_scope(environ)` find the scope of the request. The application starts
with the first request of a process, and stops when the process ends. Flask and Django have integrations of their own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from iacs.core.exceptions import NotStartedError
from iacs.integrations._support.passing import PassingScope
from iacs.integrations._support.process import ProcessLifetime
from iacs.runtime import Application, Scope

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_KEY = "iacs.scope"


def setup(app: WSGIApplication, application: Application[Any]) -> "ScopeMiddleware":
    """Return a WSGI application that serves each request in a scope of `application`."""
    return ScopeMiddleware(app, application)


def request_scope(environ: dict[str, Any]) -> Scope:
    """Return the scope of a request; raise NotStartedError without the middleware."""
    scope = environ.get(_KEY)
    if not isinstance(scope, Scope):
        raise NotStartedError("this request has no scope", hint="call setup(app, application) first")
    return scope


class ScopeMiddleware:
    """WSGI middleware; the scope of a request ends when the server closes the response."""

    def __init__(self, app: WSGIApplication, application: Application[Any]) -> None:
        self.app = app
        self._lifetime = ProcessLifetime(application)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "ScopedBody":
        """Serve one request."""
        with ExitStack() as stack:
            scope = environ[_KEY] = stack.enter_context(self._lifetime.scope())
            body = self.app(environ, start_response)
            return ScopedBody(body, scope, stack.pop_all())

    def close(self) -> None:
        """Stop the application now, if a request has started it."""
        self._lifetime.stop()


class ScopedBody:
    """The body of a response: when it is closed, the scope ends, with the error that reading it has raised."""

    def __init__(self, body: Iterable[Any], scope: PassingScope, stack: ExitStack) -> None:
        self._pieces = iter(body)
        self._scope = scope
        self._stack = stack
        close = getattr(body, "close", None)
        if close is not None:
            stack.callback(close)  # before the scope ends

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._pieces)
        except StopIteration:
            raise
        except Exception as error:  # the scope ends with whatever the response raised
            self._scope.answered = error
            raise

    def close(self) -> None:
        """End the scope."""
        self._stack.close()
