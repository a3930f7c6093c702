"""A Django project in one file: settings, configuration and views; the tests configure Django with it once."""

from collections.abc import Iterator
from typing import Any

import django  # type: ignore[import-untyped]
from dependency_injector import containers, providers
from django.apps import AppConfig  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

from iacs.core.exceptions import AccountNotFoundError
from iacs.integrations.django import setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session


class Visit:
    def __init__(self, request: HttpRequest) -> None:
        self.path = request.path


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)
    request = scoped.value(HttpRequest)
    session = scoped.resource(open_session)
    visit = scoped.singleton(Visit, request)


application = Application(Container())


class Served(AppConfig):  # type: ignore[misc]
    name = "tests.integrations"
    label = "served"

    def ready(self) -> None:
        setup(self, application)


@inject
def greet(request: HttpRequest, name: str, greeter: Greeter, visit: Visit, session: Session) -> HttpResponse:
    return HttpResponse(f"{greeter.word} {name} {visit.path}".encode())


@inject
def refuse(request: HttpRequest, session: Session) -> HttpResponse:
    raise Http404


@inject
def fail(request: HttpRequest, session: Session) -> HttpResponse:
    raise ValueError


@inject
def unknown(request: HttpRequest, session: Session) -> HttpResponse:
    raise AccountNotFoundError("nobody@contoso.example is not enrolled")


@inject
def stream(request: HttpRequest, session: Session) -> StreamingHttpResponse:
    def pieces() -> Iterator[str]:
        journal.append("piece")
        yield "a"

    return StreamingHttpResponse(pieces())


urlpatterns = [
    path("greet/<name>", greet),
    *(path(view.__name__, view) for view in (refuse, fail, unknown, stream)),
]


def configure() -> Any:
    """Configure Django, which is done once in a process."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            DEBUG=False,
            INSTALLED_APPS=[f"{__name__}.Served"],
            LOGGING_CONFIG=None,
            MIDDLEWARE=["iacs.integrations.django.ScopeMiddleware"],
            ROOT_URLCONF=__name__,
            SECRET_KEY="not a secret",
        )
        django.setup()
    return settings
