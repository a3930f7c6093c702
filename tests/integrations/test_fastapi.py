"""FastAPI under real requests: parts as parameters, a scope for each connection, several applications at once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import pytest
from dependency_injector import containers, providers
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.testclient import TestClient
from pydantic import BaseModel

from iacs.core.exceptions import AccountNotFoundError
from iacs.integrations.fastapi import Part, add_health_routes, setup
from iacs.runtime import Application, inject, scoped


class Greeter:
    def __init__(self, word: str) -> None:
        self.word = word


class Session:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.path = request.url.path


log: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


async def open_session(request: Request) -> AsyncIterator[Session]:
    log.append("begin")
    try:
        yield Session(request)
    except BaseException as error:
        log.append(f"rollback {type(error).__name__}")
        raise
    log.append("commit")


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter, "hello")
    request = scoped.value(Request)
    socket = scoped.value(WebSocket)
    session = scoped.resource(open_session, request)


class Person(BaseModel):
    name: str


def served(*routes: Any, word: str = "hello") -> tuple[FastAPI, Application[Container]]:
    container = Container()
    container.greeter.override(providers.Singleton(Greeter, word))
    api, application = FastAPI(), Application(container)
    setup(api, application)
    for route in routes:
        api.post(f"/{route.__name__}")(route)
    return api, application


@contextmanager
def client(*routes: Any) -> Iterator[TestClient]:
    with TestClient(served(*routes)[0], raise_server_exceptions=False) as client:
        yield client


def test_a_part_is_a_parameter_beside_body_request_and_dependencies() -> None:
    def suffix() -> str:
        return "!"

    async def greet(
        person: Person,
        greeter: Annotated[Greeter, Part],
        session: Annotated[Session, Part],
        request: Request,
        tasks: BackgroundTasks,
        end: Annotated[str, Depends(suffix)],
        times: int = 1,
    ) -> str:
        assert session.path == request.url.path == "/greet"
        tasks.add_task(log.append, "background")
        return f"{greeter.word} {person.name}{end * times}"

    with client(greet) as http:
        answer = http.post("/greet?times=2", json={"name": "Ada"})
        assert (answer.status_code, answer.json()) == (200, "hello Ada!!")
        operation = http.get("/openapi.json").json()["paths"]["/greet"]["post"]
        assert [parameter["name"] for parameter in operation["parameters"]] == ["times"]
        assert "requestBody" in operation
    assert log == ["begin", "background", "commit"]


def test_a_plain_function_gets_its_parts_too() -> None:
    def greet(greeter: Annotated[Greeter, Part], session: Annotated[Session, Part]) -> str:
        return f"{greeter.word} {session.path}"

    with client(greet) as http:
        assert http.post("/greet").json() == "hello /greet"


def test_a_dependency_of_fastapi_may_ask_for_parts() -> None:
    def word(greeter: Annotated[Greeter, Part]) -> str:
        return greeter.word.upper()

    async def greet(word: Annotated[str, Depends(word)]) -> str:
        return word

    with client(greet) as http:
        assert http.post("/greet").json() == "HELLO"


def test_an_injected_function_deep_below_finds_the_request_s_scope() -> None:
    @inject
    async def deep(session: Session) -> str:
        return session.path

    async def greet() -> str:
        return await deep()

    with client(greet) as http:
        assert http.post("/greet").json() == "/greet"


def test_an_error_of_a_route_rolls_back_and_one_of_iacs_is_answered_by_its_code() -> None:
    async def broken(session: Annotated[Session, Part]) -> None:
        raise ValueError

    async def unknown(session: Annotated[Session, Part]) -> None:
        raise AccountNotFoundError("nobody@contoso.example is not enrolled", hint="run: iacs account add …")

    async def refused() -> None:
        raise HTTPException(418)

    with client(broken, unknown, refused) as http:
        assert http.post("/broken").status_code == 500
        assert log == ["begin", "rollback ValueError"]
        answer = http.post("/unknown")
        assert answer.status_code == 404
        assert answer.json() == {
            "code": "account_not_found",
            "message": "nobody@contoso.example is not enrolled",
        }
        assert http.post("/refused").status_code == 418


def test_a_server_whose_container_lacks_a_part_does_not_start() -> None:
    async def greet(person: Annotated[Person, Part]) -> None: ...

    with pytest.raises(Exception, match="Person"), TestClient(served(greet)[0]):
        pass


def test_a_web_socket_has_a_scope_for_as_long_as_it_is_open() -> None:
    api, _ = served()

    @api.websocket("/talk")
    async def talk(socket: WebSocket, greeter: Annotated[Greeter, Part]) -> None:
        await socket.accept()
        await socket.send_text(greeter.word)
        await socket.close()

    with TestClient(api) as http, http.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"


def test_the_application_runs_as_long_as_the_server() -> None:
    api, application = served()
    assert not application.is_started
    with TestClient(api):
        assert application.is_started
    assert not application.is_started


async def test_each_of_two_servers_in_one_process_gives_its_own_parts() -> None:
    async def greet(greeter: Annotated[Greeter, Part]) -> str:
        return greeter.word

    apis = [served(greet, word=word) for word in ("first", "second")]
    async with apis[0][1], apis[1][1]:
        for api, application in apis:
            transport = httpx.ASGITransport(app=api)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
                answers = [(await http.post("/greet")).json() for _ in range(3)]
            assert set(answers) == {application.get(Greeter).word}


async def test_an_overlay_of_a_test_reaches_the_routes() -> None:
    async def greet(greeter: Annotated[Greeter, Part], session: Annotated[Session, Part]) -> str:
        return f"{greeter.word} {session.path}"

    api, application = served(greet)
    transport = httpx.ASGITransport(app=api)
    async with (
        application,
        application.overlay(greeter=Greeter("fake")),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        assert (await http.post("/greet")).json() == "fake /greet"


def test_an_overlay_reaches_the_routes_through_the_test_client() -> None:
    async def greet(greeter: Annotated[Greeter, Part]) -> str:
        return greeter.word

    api, application = served(greet)
    with TestClient(api) as http, application.overlay(greeter=Greeter("fake")):
        assert http.post("/greet").json() == "fake"


def test_health_and_graph_are_routes_on_demand() -> None:
    api, application = served()
    add_health_routes(api, application)
    with TestClient(api) as http:
        assert http.get("/livez").json() == {"status": "up"}
        assert http.get("/readyz").status_code == 200
        assert "greeter" in http.get("/graph").text
