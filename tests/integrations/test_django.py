"""Django under real requests."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps  # type: ignore[import-untyped]
from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]
from django.test import Client, override_settings  # type: ignore[import-untyped]

from iacs.core.exceptions import ConfigurationError
from iacs.integrations.django import setup
from tests.integrations.django_project import application, configure
from tests.integrations.parts import Greeter, journal

configure()


@pytest.fixture
def http() -> Iterator[Any]:
    with application.sync():
        yield Client(raise_request_exception=False)


def test_a_request_has_a_scope_in_which_its_request_is(http: Any) -> None:
    assert http.get("/greet/Ada").content == b"hello Ada /greet/Ada"
    assert journal == ["begin", "commit"]


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [
        ("/refuse", 404, "rollback Http404"),
        ("/fail", 500, "rollback ValueError"),
        ("/unknown", 404, "rollback AccountNotFoundError"),
    ],
)
def test_an_error_rolls_back_although_it_is_answered(http: Any, path: str, status: int, end: str) -> None:
    assert http.get(path).status_code == status
    assert journal == ["begin", end]


def test_an_error_of_iacs_is_answered_by_its_code(http: Any) -> None:
    message = "nobody@contoso.example is not enrolled"
    assert http.get("/unknown").json() == {"code": "account_not_found", "message": message}


def test_a_response_that_is_streamed_has_its_parts_until_it_is_sent(http: Any) -> None:
    answer = http.get("/stream")
    assert journal == ["begin"]
    assert b"".join(answer.streaming_content) == b"a"
    answer.close()
    assert journal == ["begin", "piece", "commit"]


def test_an_overlay_of_a_test_reaches_the_views(http: Any) -> None:
    with application.overlay(greeter=Greeter("fake")):
        assert http.get("/greet/Ada").content.startswith(b"fake")


@pytest.mark.iacs(leaks=True)
def test_the_application_starts_with_the_first_request_of_a_process() -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/greet/Ada", "SERVER_NAME": "t", "SERVER_PORT": "80"}
    server: Any = get_wsgi_application()
    assert not application.is_started
    answer = server(environ | {"wsgi.input": BytesIO()}, lambda *_: None)
    assert b"".join(answer) == b"hello Ada /greet/Ada"
    answer.close()
    assert application.is_started
    apps.get_app_config("served").iacs.lifetime.stop()
    assert not application.is_started


@override_settings(MIDDLEWARE=[])  # type: ignore[untyped-decorator]
def test_a_project_without_the_middleware_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="MIDDLEWARE does not list"):
        setup(apps.get_app_config("served"), application)


def test_a_project_without_an_application_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(apps.get_app_config("served"), "iacs")
    with pytest.raises(ConfigurationError, match="0 applications"):
        get_wsgi_application()
