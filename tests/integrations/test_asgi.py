"""Plain ASGI: the protocol itself, without a framework."""

import asyncio
from typing import Any, Self

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import NotStartedError
from iacs.integrations.asgi import connection_scope, setup
from iacs.runtime import Application, scoped


class Clock: ...


class Part:
    def close(self) -> None:
        raise OSError("cannot close")


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(Clock)
    clock = scoped.singleton(Clock)


class Unclosable(containers.DeclarativeContainer):
    part = providers.Singleton(Part)


class Broken(containers.DeclarativeContainer):
    part = providers.Singleton(lambda: 1 / 0)


async def nothing(*_: object) -> Any: ...


class Server:
    """Speaks the lifespan protocol to an application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.received: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[str] = []
        self.answered = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.app({"type": "lifespan"}, self.received.get, self.send))
        await self.say("lifespan.startup")
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.task.done():
            await self.say("lifespan.shutdown")

    async def say(self, message: str) -> None:
        self.answered.clear()
        await self.received.put({"type": message})
        await asyncio.wait_for(self.answered.wait(), 10)
        await asyncio.sleep(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message["type"])
        self.answered.set()


async def test_an_application_without_a_lifespan_of_its_own_is_started_and_stopped() -> None:
    async def app(connection: Any, _receive: Any, _send: Any) -> None:
        assert connection["type"] == "http"

    application = Application(Container())
    server = Server(setup(app, application))
    async with server:
        assert application.is_started
    assert not application.is_started
    assert server.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_the_inner_lifespan_runs_inside_of_the_application_s() -> None:
    application = Application(Container())
    seen: list[tuple[str, bool]] = []

    async def app(_connection: Any, receive: Any, send: Any) -> None:
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            seen.append((phase, application.is_started))
            await send({"type": f"lifespan.{phase}.complete"})

    server = Server(setup(app, application))
    async with server:
        pass
    await server.task
    assert seen == [("startup", True), ("shutdown", True)]
    assert server.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_start_that_fails_is_reported_to_the_server() -> None:
    async def app(_connection: Any, _receive: Any, _send: Any) -> None: ...

    server = Server(setup(app, Application(Broken())))
    async with server:
        assert server.sent == ["lifespan.startup.failed"]
    with pytest.raises(Exception, match="part"):
        await server.task


async def test_a_stop_that_fails_is_reported_to_the_server() -> None:
    async def app(connection: Any, _receive: Any, _send: Any) -> None:
        assert connection["type"] == "http"

    server = Server(setup(app, Application(Unclosable())))
    async with server:
        pass
    with pytest.raises(ExceptionGroup):
        await server.task
    assert server.sent == ["lifespan.startup.complete", "lifespan.shutdown.failed"]


async def test_every_connection_has_a_scope_of_its_own() -> None:
    clocks: list[Clock] = []

    async def app(connection: Any, _receive: Any, _send: Any) -> None:
        scope = connection_scope(connection)
        assert scope["clock"] is scope["clock"]
        clocks.append(scope["clock"])

    async with Application(Container()) as application:
        wrapped = setup(app, application)
        await asyncio.gather(*(wrapped({"type": "http"}, nothing, nothing) for _ in range(100)))
    assert len(set(map(id, clocks))) == 100


async def test_a_start_up_that_the_inner_application_refuses_is_reported_once() -> None:
    application = Application(Container())

    async def app(_connection: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no licence"})
        raise RuntimeError("no licence")

    server = Server(setup(app, application))
    async with server:
        pass
    with pytest.raises(RuntimeError, match="no licence"):
        await server.task
    assert server.sent == ["lifespan.startup.failed"]
    assert not application.is_started


async def test_a_connection_that_has_ended_no_longer_refers_to_its_scope() -> None:
    connection = {"type": "http"}
    async with Application(Container()) as application:
        await setup(nothing, application)(connection, nothing, nothing)
    assert connection == {"type": "http"}


async def test_a_connection_that_passes_the_same_middleware_twice_has_one_scope() -> None:
    scopes = []

    async def app(connection: Any, _receive: Any, _send: Any) -> None:
        scopes.append(connection_scope(connection))

    async def twice(connection: Any, receive: Any, send: Any) -> None:
        scopes.append(connection_scope(connection))
        await setup(app, application)(connection, receive, send)

    async with Application(Container()) as application:
        await setup(twice, application)({"type": "http"}, nothing, nothing)
    assert scopes[0] is scopes[1]


def test_a_connection_without_the_middleware_says_what_to_call() -> None:
    with pytest.raises(NotStartedError, match="setup"):
        connection_scope({})
