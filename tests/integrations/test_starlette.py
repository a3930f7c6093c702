"""Starlette under real requests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from iacs.integrations.asgi import connection_scope, setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session_in_loop


class Visit:
    def __init__(self, connection: HTTPConnection, request: Request) -> None:
        self.path = request.url.path
        assert connection.url.path == self.path


class Talk:
    def __init__(self, connection: HTTPConnection, socket: WebSocket) -> None:
        self.path = socket.url.path
        assert connection.url.path == self.path


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)
    connection = scoped.value(HTTPConnection)
    request = scoped.value(Request)
    same_request = scoped.value(Request)
    socket = scoped.value(WebSocket)
    session = scoped.resource(open_session_in_loop)
    visit = scoped.singleton(Visit, connection, same_request)
    talk = scoped.singleton(Talk, connection, socket)


@inject
async def greet(_request: Request, greeter: Greeter, visit: Visit, session: Session) -> Response:
    return PlainTextResponse(f"{greeter.word} {visit.path}")


@inject
def greet_in_a_thread(_request: Request, greeter: Greeter, visit: Visit) -> Response:
    return PlainTextResponse(f"{greeter.word} {visit.path}")


@inject
async def refuse(_request: Request, session: Session) -> Response:
    raise HTTPException(409)


@inject
async def fail(_request: Request, session: Session) -> Response:
    raise ValueError


@inject
async def stream(_request: Request, session: Session) -> Response:
    async def pieces() -> AsyncIterator[str]:
        yield "a"
        journal.append("piece")
        yield "b"

    return StreamingResponse(pieces())


async def talk(socket: WebSocket) -> None:
    scope = connection_scope(socket.scope)
    await scope.aget(Session)
    await socket.accept()
    await socket.send_text((await scope.aget(Talk)).path)
    await socket.close()


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


def served(*middleware: Middleware) -> tuple[Starlette, Application[Container]]:
    functions = (greet, greet_in_a_thread, refuse, fail, stream)
    routes = [Route(f"/{function.__name__}", function) for function in functions]
    app = Starlette(routes=[*routes, WebSocketRoute("/talk", talk)], middleware=middleware)
    application = Application(Container())
    assert setup(app, application) is app
    return app, application


@contextmanager
def client(*middleware: Middleware) -> Iterator[TestClient]:
    with TestClient(served(*middleware)[0], raise_server_exceptions=False) as client:
        yield client


def test_a_request_has_a_scope_in_which_its_request_is() -> None:
    with client() as http:
        assert http.get("/greet").text == "hello /greet"
        assert journal == ["begin", "commit"]
        assert http.get("/greet_in_a_thread").text == "hello /greet_in_a_thread"


def test_a_web_socket_has_a_scope_in_which_its_socket_is() -> None:
    with client() as http, http.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "/talk"
    assert journal == ["begin", "commit"]


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [("/refuse", 409, "rollback HTTPException"), ("/fail", 500, "rollback ValueError")],
)
def test_an_error_rolls_back_whether_or_not_it_is_answered(path: str, status: int, end: str) -> None:
    with client() as http:
        assert http.get(path).status_code == status
    assert journal == ["begin", end]


def test_an_exception_handler_of_the_application_answers_what_rolls_back() -> None:
    app, _ = served()

    def answer(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("answered", 400)

    app.add_exception_handler(ValueError, answer)
    with TestClient(app) as http:
        assert http.get("/fail").text == "answered"
    assert journal == ["begin", "rollback ValueError"]


def test_a_response_that_is_streamed_has_its_parts_until_it_is_sent() -> None:
    with client() as http:
        assert http.get("/stream").text == "ab"
    assert journal == ["begin", "piece", "commit"]


def test_a_middleware_that_runs_the_route_in_another_task_changes_nothing() -> None:
    with client(Middleware(Passing)) as http:
        assert http.get("/greet").text == "hello /greet"
    assert journal == ["begin", "commit"]


async def test_an_overlay_of_a_test_reaches_the_routes() -> None:
    app, application = served()
    transport = httpx.ASGITransport(app=app)
    async with (
        application,
        application.overlay(greeter=Greeter("fake")),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        assert (await http.get("/greet")).text == "fake /greet"
