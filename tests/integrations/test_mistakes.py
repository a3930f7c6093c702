"""What somebody does wrong the first time, and the sentence that says so."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from celery import Celery  # type: ignore[import-untyped]
from dependency_injector import containers, providers
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.testclient import TestClient

from iacs.core.exceptions import ConfigurationError, EventError, NotStartedError
from iacs.integrations import aiohttp, asgi, celery, events, fastapi, flask, wsgi
from iacs.runtime import Application, StartError


class Greeter:
    word = "Hello"


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)


async def open_greeter() -> AsyncIterator[Greeter]:
    yield Greeter()


class Asynchronous(containers.DeclarativeContainer):
    greeter = providers.Resource(open_greeter)


@events.on("orders", group="billing")
async def handle(number: int) -> None: ...


def served_by_fastapi(application: Any) -> None:
    api = FastAPI()
    fastapi.setup(api, application)
    with TestClient(api):
        pass


@pytest.mark.parametrize(
    "setup",
    [
        lambda application: asgi.setup(lambda *_: None, application),  # type: ignore[arg-type]
        lambda application: aiohttp.setup(web.Application(), application),
        lambda application: celery.setup(Celery(), application),
        lambda application: events.setup([handle], application),
        lambda application: flask.setup(Flask("shop"), application),
        lambda application: wsgi.setup(lambda *_: [], application),
        served_by_fastapi,
    ],
    ids=["asgi", "aiohttp", "celery", "events", "flask", "wsgi", "fastapi"],
)
def test_a_container_is_not_an_application(setup: Callable[[Any], object]) -> None:
    with pytest.raises(ConfigurationError, match="was passed a DynamicContainer") as caught:
        setup(Container())
    assert caught.value.hint == "call setup(app, Application(container))"


def test_a_client_that_runs_no_lifespan_is_advised_to() -> None:
    app = asgi.setup(Starlette(), Application(Container()))
    with pytest.raises(NotStartedError, match="is not started") as caught:
        TestClient(app).get("/")
    assert "a test client within its own 'with' block" in caught.value.hint


def test_a_part_that_needs_an_event_loop_is_what_flask_reports() -> None:
    app = Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    flask.setup(app, Application(Asynchronous()))
    del app.error_handler_spec[None][None]
    with pytest.raises(StartError, match="greeter is built asynchronously"):
        app.test_client().get("/")


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda: None, "takes no event"),
        (lambda greeter: greeter, "has greeter: Greeter, which pydantic cannot validate, as the event"),
    ],
    ids=["no parameter", "a part first"],
)
def test_a_handler_begins_with_its_event(function: Any, problem: str) -> None:
    function.__annotations__ = {"greeter": Greeter}
    handler = events.on("orders", group="billing")(function)
    with pytest.raises(EventError, match=problem) as caught:
        events.setup([handler], Application(Container()))
    assert "its first parameter is the value of the event" in caught.value.hint
