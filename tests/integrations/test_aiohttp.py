"""aiohttp.web under real requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from dependency_injector import containers, providers

from iacs.core.exceptions import AccountNotFoundError, DatabaseError
from iacs.integrations.aiohttp import APPLICATION, SCOPE, setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session_in_loop

Client = TestClient[web.Request, web.Application]


class Visit:
    def __init__(self, request: web.Request) -> None:
        self.path = request.path


class Container(containers.DeclarativeContainer):
    word = providers.Object("hello")
    greeter = providers.Singleton(Greeter, word)
    request = scoped.value(web.Request)
    session = scoped.resource(open_session_in_loop)
    visit = scoped.singleton(Visit, request)


@inject
async def greet(request: web.Request, greeter: Greeter, visit: Visit, session: Session) -> web.Response:
    assert await request[SCOPE].aget(Session) is session
    return web.Response(text=f"{greeter.word} {visit.path}")


@inject
async def refuse(_request: web.Request, session: Session) -> web.Response:
    raise web.HTTPConflict


@inject
async def move(_request: web.Request, session: Session) -> web.Response:
    raise web.HTTPFound("/")


@inject
async def fail(_request: web.Request, session: Session) -> web.Response:
    raise ValueError


@inject
async def unknown(_request: web.Request, session: Session) -> web.Response:
    raise AccountNotFoundError("nobody@contoso.example is not enrolled")


@inject
async def away(_request: web.Request, session: Session) -> web.Response:
    raise DatabaseError("10.0.0.3 refuses connections")


@inject
async def talk(request: web.Request, session: Session) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("hello")
    await socket.receive()
    await socket.close()
    return socket


class Greeting(web.View):
    @inject
    async def get(self, greeter: Greeter) -> web.Response:
        return web.Response(text=greeter.word)


def served(word: str = "hello") -> tuple[web.Application, Application[Container]]:
    app, application = web.Application(), Application(Container(word=word))
    setup(app, application)
    for handler in (greet, refuse, move, fail, unknown, away, talk):
        app.router.add_get(f"/{handler.__name__}", handler)
    app.router.add_view("/view", Greeting)
    return app, application


@asynccontextmanager
async def requests_to(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app)) as http:
        yield http


@pytest.fixture
async def http() -> AsyncIterator[Client]:
    async with requests_to(served()[0]) as client:
        yield client


async def text(http: Client, path: str) -> str:
    return await (await http.get(path)).text()


async def test_a_request_has_a_scope_in_which_its_request_is(http: Client) -> None:
    assert await text(http, "/greet") == "hello /greet"
    assert journal == ["begin", "commit"]
    assert await text(http, "/view") == "hello"


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [
        ("/refuse", 409, "rollback HTTPConflict"),
        ("/move", 302, "commit"),
        ("/fail", 500, "rollback ValueError"),
        ("/unknown", 404, "rollback AccountNotFoundError"),
    ],
)
async def test_an_error_rolls_back_whether_or_not_it_is_answered(
    http: Client, path: str, status: int, end: str
) -> None:
    assert (await http.get(path, allow_redirects=False)).status == status
    assert journal == ["begin", end]


async def test_a_middleware_of_the_application_answers_what_rolls_back() -> None:
    app, application = web.Application(), Application(Container())

    @web.middleware
    async def answering(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except ValueError:
            return web.Response(text="answered")
        return response

    app.middlewares.append(answering)
    setup(app, application)
    app.router.add_get("/fail", fail)
    async with requests_to(app) as http:
        assert await text(http, "/fail") == "answered"
    assert journal == ["begin", "rollback ValueError"]


async def test_an_error_of_iacs_is_answered_by_its_code(http: Client) -> None:
    message = "nobody@contoso.example is not enrolled"
    assert await (await http.get("/unknown")).json() == {"code": "account_not_found", "message": message}
    answer = await http.get("/away")
    assert (answer.status, (await answer.json())["message"]) == (503, "Service Unavailable")


async def test_a_web_socket_has_a_scope_for_as_long_as_it_is_open() -> None:
    async with requests_to(served()[0]) as http, http.ws_connect("/talk") as socket:
        assert await socket.receive_str() == "hello"
        assert journal == ["begin"]
        await socket.send_str("bye")
        await socket.receive()
    assert journal == ["begin", "commit"]


async def test_the_application_runs_as_long_as_the_server() -> None:
    app, application = served()
    seen = []

    async def running(app: web.Application) -> AsyncIterator[None]:
        seen.append(app[APPLICATION].is_started)
        yield
        seen.append(app[APPLICATION].is_started)

    app.cleanup_ctx.append(running)
    async with requests_to(app):
        assert application.is_started
    assert not application.is_started
    assert seen == [True, True]


async def test_a_subapplication_may_have_a_container_of_its_own() -> None:
    outer, inner = served("outer")[0], served("inner")[0]
    outer.add_subapp("/inner", inner)
    async with requests_to(outer) as http:
        assert [await text(http, path) for path in ("/greet", "/inner/greet", "/view")] == [
            "outer /greet",
            "inner /inner/greet",
            "outer",
        ]


async def test_an_overlay_of_a_test_reaches_the_handlers() -> None:
    app, application = served()
    async with application, application.overlay(greeter=Greeter("fake")), requests_to(app) as http:
        assert await text(http, "/view") == "fake"
