"""Litestar under real requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
from dependency_injector import containers, providers
from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.exceptions import HTTPException
from litestar.params import FromQuery, JSONBody
from litestar.testing import TestClient
from pydantic import BaseModel

from iacs.integrations.asgi import connection_scope, setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session_in_loop


class Visit:
    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self.path = request.url.path


class Talk:
    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self.path = socket.url.path


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)
    request = scoped.value(Request)
    socket = scoped.value(WebSocket)
    session = scoped.resource(open_session_in_loop)
    visit = scoped.singleton(Visit, request)
    talk = scoped.singleton(Talk, socket)


class Person(BaseModel):
    name: str


@post("/greet")
@inject
async def greet(
    data: JSONBody[Person],
    times: FromQuery[int],
    greeter: Annotated[Greeter, inject],
    visit: Annotated[Visit, inject],
    session: Annotated[Session, inject],
) -> str:
    return f"{greeter.word} {data.name} {visit.path} {times}"


@get("/greet-in-a-thread", sync_to_thread=True)
@inject
def greet_in_a_thread(greeter: Annotated[Greeter, inject], visit: Annotated[Visit, inject]) -> str:
    return f"{greeter.word} {visit.path}"


@get("/refuse")
@inject
async def refuse(session: Annotated[Session, inject]) -> str:
    raise HTTPException(status_code=409)


@get("/fail")
@inject
async def fail(session: Annotated[Session, inject]) -> str:
    raise ValueError


@websocket("/talk")
async def talk(socket: WebSocket[Any, Any, Any]) -> None:
    scope = connection_scope(socket.scope)  # type: ignore[arg-type]
    await scope.aget(Session)
    await socket.accept()
    await socket.send_text((await scope.aget(Talk)).path)
    await socket.close()


def served() -> tuple[Any, Application[Container]]:
    application = Application(Container())
    app = Litestar([greet, greet_in_a_thread, refuse, fail, talk])
    return setup(app, application), application


@contextmanager
def client() -> Iterator[TestClient[Any]]:
    with TestClient(served()[0], raise_server_exceptions=False) as client:
        yield client


def test_a_request_has_a_scope_in_which_its_request_is() -> None:
    with client() as http:
        answer = http.post("/greet?times=2", json={"name": "Ada"})
        assert answer.text == "hello Ada /greet 2"
        assert journal == ["begin", "commit"]
        assert http.get("/greet-in-a-thread").text == "hello /greet-in-a-thread"


def test_a_web_socket_has_a_scope_in_which_its_socket_is() -> None:
    with client() as http, http.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "/talk"
    assert journal == ["begin", "commit"]


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [("/refuse", 409, "rollback HTTPException"), ("/fail", 500, "rollback ValueError")],
)
def test_an_error_rolls_back_although_it_is_answered(path: str, status: int, end: str) -> None:
    with client() as http:
        assert http.get(path).status_code == status
    assert journal == ["begin", end]


def test_the_application_runs_as_long_as_the_server_and_overlays_reach_the_routes() -> None:
    app, application = served()
    with TestClient(app) as http:
        assert application.is_started
        with application.overlay(greeter=Greeter("fake")):
            assert http.get("/greet-in-a-thread").text == "fake /greet-in-a-thread"
    assert not application.is_started
