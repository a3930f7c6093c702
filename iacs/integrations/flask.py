"""Flask: each request has a scope, for as long as its request context.

    setup(app, Application(Container()))

    @app.get("/orders")
    @inject
    def orders(orders: Orders) -> list[str]: ...

A `scoped.value(Request)` of the container is passed in. The application starts with the first request of a process.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import wraps
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from iacs.core.exceptions import IACSGraphError
from iacs.integrations._support.answers import STATUS, answer_to
from iacs.integrations._support.passing import PassingScope
from iacs.integrations._support.process import ProcessLifetime
from iacs.integrations.wsgi import ScopedBody
from iacs.runtime import Application

__all__ = ["STATUS", "setup"]


def setup(app: Flask, application: Application[Any], *, status: Mapping[str, int] | None = None) -> None:
    """Serve each request in a scope of `application`, and answer errors of iacs.

    An error that no view catches is answered with `STATUS` of its code, or with that of `status`. What a view
    raises rolls back, also when it is answered, unless it is an HTTPException below 400.
    """
    requests = _Requests(ProcessLifetime(application))
    app.before_request_funcs.setdefault(None, []).insert(0, requests.enter)
    app.after_request_funcs.setdefault(None, []).insert(0, requests.stream)  # the first one is called last
    app.teardown_request_funcs.setdefault(None, []).insert(0, requests.leave)
    app.handle_user_exception = requests.reporting(app.handle_user_exception)  # type: ignore[method-assign]

    def answered(error: IACSGraphError) -> Any:
        answer = answer_to(error, status or {})
        return jsonify(answer.body), answer.status, answer.headers

    if IACSGraphError not in app.error_handler_spec[None][None]:
        app.register_error_handler(IACSGraphError, answered)


class _Requests:
    """The hooks of each request, which has its scope, and what ends it, in Flask's `g`."""

    def __init__(self, lifetime: ProcessLifetime) -> None:
        self._lifetime = lifetime

    def enter(self) -> None:
        stack, current_request = ExitStack(), request._get_current_object()  # type: ignore[attr-defined]
        g.iacs_scope = stack.enter_context(self._lifetime.scope(current_request))
        g.iacs_stack = stack  # not before the application has started, which may fail

    def stream(self, response: Response) -> Response:
        """Have the scope end after a response that is streamed; an error's is not, whatever it looks like."""
        is_streamed = response.is_streamed and not response.direct_passthrough
        if is_streamed and "iacs_stack" in g and "iacs_error" not in g:
            response.response = ScopedBody(response.response, g.iacs_scope, g.pop("iacs_stack"))
        return response

    def leave(self, error: BaseException | None) -> None:
        stack: ExitStack | None = g.pop("iacs_stack", None)
        if stack is not None:
            g.iacs_scope.answered = error or g.iacs_scope.answered
            stack.close()

    def reporting(self, handle: Any) -> Any:
        """Wrap what answers an error, so that the scope ends with it all the same."""

        @wraps(handle)
        def handle_reporting(*arguments: Any) -> Any:
            g.iacs_error = error = arguments[-1]  # newer versions of Flask pass a context first
            scope: PassingScope | None = g.get("iacs_scope")
            is_redirect = isinstance(error, HTTPException) and error.get_response().status_code < 400
            if scope is not None and not is_redirect:
                scope.answered = error
            return handle(*arguments)

        return handle_reporting
