"""Django: each request has a scope.

    MIDDLEWARE = ["iacs.integrations.django.ScopeMiddleware", …]        # settings.py

    class OrdersConfig(AppConfig):                                      # apps.py
        def ready(self) -> None:
            setup(self, Application(Container()))

    @inject
    def orders(request: HttpRequest, orders: Orders) -> HttpResponse: ...

A `scoped.value(HttpRequest)` of the container is passed in. The application starts with the first request of a process.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from django.apps import AppConfig, apps  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.http import HttpRequest, JsonResponse  # type: ignore[import-untyped]

from iacs.core.exceptions import ConfigurationError, IACSGraphError
from iacs.integrations._support.answers import STATUS, answer_to
from iacs.integrations._support.passing import PassingScope
from iacs.integrations._support.process import ProcessLifetime
from iacs.integrations.wsgi import ScopedBody
from iacs.runtime import Application

__all__ = ["STATUS", "ScopeMiddleware", "setup"]

_MIDDLEWARE = f"{__name__}.ScopeMiddleware"


class _Setup:
    """What `setup` leaves at the configuration of a Django application."""

    def __init__(self, application: Application[Any], status: Mapping[str, int]) -> None:
        self.lifetime = ProcessLifetime(application)
        self.status = status


def setup(app: AppConfig, application: Application[Any], *, status: Mapping[str, int] | None = None) -> None:
    """Serve each request of the project in a scope of `application`, and answer errors of iacs.

    An error that no view catches is answered with `STATUS` of its code, or with that of `status`. What a view raises
    rolls back, also when it is answered. Raise ConfigurationError without the middleware.
    """
    if _MIDDLEWARE not in settings.MIDDLEWARE:
        raise ConfigurationError(
            [f"MIDDLEWARE does not list {_MIDDLEWARE}"], hint="add it to settings.py, as the first one"
        )
    configuration: Any = app
    configuration.iacs = _Setup(application, status or {})


class ScopeMiddleware:
    """Opens the scope of a request; it ends before a response is sent, or after one that is streamed."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        setups = [config.iacs for config in apps.get_app_configs() if hasattr(config, "iacs")]
        if len(setups) != 1:
            raise ConfigurationError(
                [f"{len(setups)} applications are set up for this project, and it takes one"],
                hint="call setup(self, application) in ready() of an AppConfig",
            )
        self._setup: _Setup = setups[0]

    def __call__(self, request: Any) -> Any:
        """Serve one request."""
        with ExitStack() as stack:
            scope = request.iacs_scope = stack.enter_context(self._setup.lifetime.scope(request))
            response = self._get_response(request)
            if response.streaming:
                response.streaming_content = ScopedBody(response.streaming_content, scope, stack.pop_all())
        return response

    def process_exception(self, request: Any, error: Exception) -> JsonResponse | None:
        """Report what a view has raised to the scope, and answer an error of iacs."""
        scope: PassingScope = request.iacs_scope
        scope.answered = error
        if not isinstance(error, IACSGraphError):
            return None
        answer = answer_to(error, self._setup.status)
        return JsonResponse(answer.body, status=answer.status, headers=answer.headers)
