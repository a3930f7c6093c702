"""FastAPI under real requests: parts as parameters, a scope for each connection, several applications at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

import httpx
import pytest
from dependency_injector import containers, providers
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    HTTPException,
    Request,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from iacs.core.exceptions import AccountNotFoundError, APIConnectionError, DatabaseError, InjectionError
from iacs.integrations.fastapi import Part, add_health_routes, setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Lonely, Session, journal, open_session_in_loop


class Visit:
    def __init__(self, request: Request) -> None:
        self.path = request.url.path


class Talk:
    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket


class Container(containers.DeclarativeContainer):
    word = providers.Object("hello")
    greeter = providers.Singleton(Greeter, word)
    other_greeter = providers.Singleton(Greeter, "other")
    request = scoped.value(Request)
    socket = scoped.value(WebSocket)
    session = scoped.resource(open_session_in_loop)
    visit = scoped.singleton(Visit, request)
    talk = scoped.singleton(Talk, socket)


Hello = Annotated[Greeter, Part("greeter")]


class Person(BaseModel):
    name: str


def served(*routes: Any, word: str = "hello") -> tuple[FastAPI, Application[Container]]:
    container = Container(word=word)
    api, application = FastAPI(), Application(container)
    setup(api, application)
    for route in routes:
        api.post(f"/{route.__name__}")(route)
    return api, application


@contextmanager
def client(*routes: Any) -> Iterator[TestClient]:
    with TestClient(served(*routes)[0], raise_server_exceptions=False) as client:
        yield client


@asynccontextmanager
async def requests_to(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as http:
        yield http


def test_a_part_is_a_parameter_beside_body_request_and_dependencies() -> None:
    def suffix() -> str:
        return "!"

    async def greet(
        person: Person,
        greeter: Hello,
        session: Annotated[Session, Part],
        visit: Annotated[Visit, Part],
        request: Request,
        tasks: BackgroundTasks,
        end: Annotated[str, Depends(suffix)],
        times: int = 1,
    ) -> str:
        assert visit.path == request.url.path == "/greet"
        tasks.add_task(journal.append, "background")
        return f"{greeter.word} {person.name}{end * times}"

    with client(greet) as http:
        answer = http.post("/greet?times=2", json={"name": "Ada"})
        assert (answer.status_code, answer.json()) == (200, "hello Ada!!")
        operation = http.get("/openapi.json").json()["paths"]["/greet"]["post"]
        assert [parameter["name"] for parameter in operation["parameters"]] == ["times"]
        assert operation["requestBody"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Person"
        }
    assert journal == ["begin", "background", "commit"]


def test_nothing_is_built_for_a_request_that_is_not_valid() -> None:
    async def greet(person: Person, session: Annotated[Session, Part]) -> None: ...

    with client(greet) as http:
        assert http.post("/greet", json={}).status_code == 422
    assert journal == []


def test_a_plain_function_gets_its_parts_too() -> None:
    def greet(greeter: Hello, visit: Annotated[Visit, Part], session: Annotated[Session, Part]) -> str:
        return f"{greeter.word} {visit.path}"

    with client(greet) as http:
        assert http.post("/greet").json() == "hello /greet"
    assert journal == ["begin", "commit"]


def test_a_dependency_of_fastapi_may_ask_for_parts() -> None:
    def word(greeter: Hello) -> str:
        return greeter.word.upper()

    async def greet(word: Annotated[str, Depends(word)]) -> str:
        return word

    with client(greet) as http:
        assert http.post("/greet").json() == "HELLO"


def test_the_routes_of_an_included_router_get_their_parts() -> None:
    router = APIRouter(prefix="/inner")

    @router.get("/greet")
    async def greet(greeter: Hello, session: Annotated[Session, Part]) -> str:
        return greeter.word

    api, _ = served()
    api.include_router(router, prefix="/v1")
    with TestClient(api) as http:
        assert http.get("/v1/inner/greet").json() == "hello"
    assert journal == ["begin", "commit"]


def test_an_injected_function_deep_below_finds_the_request_s_scope() -> None:
    @inject
    async def deep(visit: Visit) -> str:
        return visit.path

    async def greet() -> str:
        return await deep()

    with client(greet) as http:
        assert http.post("/greet").json() == "/greet"


def test_an_error_that_a_route_raises_rolls_back_whether_or_not_it_is_answered() -> None:
    async def broken(session: Annotated[Session, Part]) -> None:
        raise ValueError

    async def refused(session: Annotated[Session, Part]) -> None:
        raise HTTPException(409)

    def refused_in_a_thread(session: Annotated[Session, Part]) -> None:
        raise HTTPException(409)

    async def unknown(session: Annotated[Session, Part]) -> None:
        raise AccountNotFoundError("nobody@contoso.example is not enrolled")

    async def elsewhere(session: Annotated[Session, Part]) -> None:
        raise HTTPException(303, headers={"location": "/greet"})

    with client(broken, refused, refused_in_a_thread, unknown, elsewhere) as http:
        for path, status, end in [
            ("/broken", 500, "rollback ValueError"),
            ("/refused", 409, "rollback HTTPException"),
            ("/refused_in_a_thread", 409, "rollback HTTPException"),
            ("/unknown", 404, "rollback AccountNotFoundError"),
            ("/elsewhere", 303, "commit"),
        ]:
            assert http.post(path, follow_redirects=False).status_code == status
            assert journal == ["begin", end]
            journal.clear()


def test_an_error_of_iacs_is_answered_by_its_code() -> None:
    async def unknown() -> None:
        raise AccountNotFoundError("nobody@contoso.example is not enrolled", hint="run: iacs account add …")

    async def busy() -> None:
        raise APIConnectionError("graph.example answered 429", status=429, retry_after=1.5)

    async def away() -> None:
        raise DatabaseError("10.0.0.3 refuses connections")

    with client(unknown, busy, away) as http:
        answer = http.post("/unknown")
        assert answer.status_code == 404
        message = "nobody@contoso.example is not enrolled"
        assert answer.json() == {"code": "account_not_found", "message": message}
        answer = http.post("/busy")
        assert (answer.status_code, answer.headers["retry-after"]) == (502, "2")
        answer = http.post("/away")
        assert answer.status_code == 503
        assert answer.json() == {"code": "database", "message": "Service Unavailable"}


def test_the_status_of_a_code_and_the_whole_answer_can_be_chosen() -> None:
    async def unknown() -> None:
        raise AccountNotFoundError("nobody@contoso.example is not enrolled")

    async def away() -> None:
        raise DatabaseError("10.0.0.3 refuses connections")

    api = FastAPI()
    setup(api, Application(Container()), status={"account_not_found": 410})
    api.get("/unknown")(unknown)
    api.get("/away")(away)

    @api.exception_handler(DatabaseError)
    def answer(_request: Request, error: DatabaseError) -> JSONResponse:
        return JSONResponse({"own": True}, 507)

    with TestClient(api) as http:
        assert http.get("/unknown").status_code == 410
        assert http.get("/away").json() == {"own": True}


def test_a_server_whose_container_lacks_a_part_does_not_start() -> None:
    async def greet(person: Annotated[Lonely, Part]) -> None: ...

    def lonely(it: Annotated[Lonely, Part]) -> Lonely:
        return it

    async def meet(it: Annotated[Lonely, Depends(lonely)]) -> None: ...

    async def ask(greeter: Annotated[Greeter, Part]) -> None: ...

    for route, sentence in [
        (greet, r"cannot inject 'person' into .*greet\(\): .*Lonely"),
        (meet, r"cannot inject 'it' into .*lonely\(\): .*Lonely"),
        (ask, r"cannot inject 'greeter' into .*ask\(\): .*greeter.*other_greeter"),
    ]:
        with pytest.raises(InjectionError, match=sentence), TestClient(served(route)[0]):
            pass


def test_a_web_socket_has_a_scope_for_as_long_as_it_is_open() -> None:
    api, _ = served()

    @api.websocket("/talk")
    async def talk(
        socket: WebSocket, greeter: Hello, talk: Annotated[Talk, Part], session: Annotated[Session, Part]
    ) -> None:
        assert talk.socket.url.path == "/talk"
        await socket.accept()
        await socket.send_text(greeter.word)
        await socket.receive_text()
        await socket.close()

    with TestClient(api) as http, http.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"
        assert journal == ["begin"]
        socket.send_text("bye")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert journal == ["begin", "commit"]


def test_a_response_that_is_streamed_has_its_parts_until_it_is_sent() -> None:
    async def stream(session: Annotated[Session, Part]) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for piece in ("a", "b"):
                journal.append(piece)
                yield piece

        return StreamingResponse(pieces())

    with client(stream) as http:
        assert http.post("/stream").text == "ab"
    assert journal == ["begin", "a", "b", "commit"]


def test_the_application_runs_as_long_as_the_server() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        seen.append(application.is_started)
        yield
        seen.append(application.is_started)

    api, application = FastAPI(lifespan=lifespan), Application(Container())
    setup(api, application)
    assert not application.is_started
    with TestClient(api):
        assert application.is_started
    assert not application.is_started
    assert seen == [True, True]


async def test_each_of_two_servers_in_one_process_gives_its_own_parts_under_load() -> None:
    async def greet(greeter: Hello, visit: Annotated[Visit, Part]) -> str:
        await asyncio.sleep(0)
        return greeter.word

    apis = [served(greet, word=word) for word in ("first", "second")]
    async with (
        apis[0][1],
        apis[1][1],
        requests_to(apis[0][0]) as first,
        requests_to(apis[1][0]) as second,
    ):
        answers = await asyncio.gather(*(http.post("/greet") for _ in range(50) for http in (first, second)))
    assert [answer.json() for answer in answers] == ["first", "second"] * 50


async def test_a_mounted_application_may_have_a_container_of_its_own_or_that_of_the_outer_one() -> None:
    async def greet(greeter: Hello, visit: Annotated[Visit, Part]) -> str:
        return greeter.word

    (outer, application), (own, own_application) = served(greet, word="outer"), served(greet, word="own")
    guest = FastAPI()
    guest.post("/greet")(greet)
    outer.mount("/own", own)
    outer.mount("/guest", guest)
    async with application, own_application, requests_to(outer) as http:
        paths = ("/greet", "/own/greet", "/guest/greet", "/greet")
        assert [(await http.post(path)).json() for path in paths] == ["outer", "own", "outer", "outer"]


async def test_an_overlay_of_a_test_reaches_the_routes() -> None:
    async def greet(greeter: Hello, visit: Annotated[Visit, Part]) -> str:
        return f"{greeter.word} {visit.path}"

    api, application = served(greet)
    async with application, application.overlay(greeter=Greeter("fake")), requests_to(api) as http:
        assert (await http.post("/greet")).json() == "fake /greet"


def test_an_overlay_reaches_the_routes_through_the_test_client() -> None:
    async def greet(greeter: Hello) -> str:
        return greeter.word

    def greet_in_a_thread(greeter: Hello) -> str:
        return greeter.word

    api, application = served(greet, greet_in_a_thread)
    with TestClient(api) as http:
        with application.overlay(greeter=Greeter("fake")):
            assert http.post("/greet").json() == http.post("/greet_in_a_thread").json() == "fake"
        assert http.post("/greet").json() == "hello"


def test_an_overlay_may_be_entered_before_the_server_starts() -> None:
    async def greet(greeter: Hello, visit: Annotated[Visit, Part]) -> str:
        return f"{greeter.word} {visit.path}"

    api, application = served(greet)
    with application.overlay(greeter=Greeter("fake")), TestClient(api) as http:
        assert http.post("/greet").json() == "fake /greet"


def test_health_and_graph_are_routes_on_demand() -> None:
    api, application = served()
    add_health_routes(api, application)
    with TestClient(api) as http:
        assert http.get("/livez").json() == {"status": "up"}
        assert http.get("/readyz").status_code == 200
        assert "greeter" in http.get("/graph").text
        assert http.get("/openapi.json").json()["paths"] == {}
