"""`Application.run` as a process of its own, ended by real signals."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import StartError, StopError
from iacs.runtime import Application, ShutdownRequest
from tests.fixtures.workshop import Workshop

SERVICE = """
import asyncio, sys
from dependency_injector import containers, providers
from iacs.runtime import Application

def say(what):
    print(what, flush=True)

async def low():
    say("+low")
    yield "low"
    await asyncio.sleep(0.01)
    say("-low")

async def high(low):
    say("+high")
    if sys.argv[1] == "slow start":
        await asyncio.sleep(60)
    yield "high"
    say("-high")
    if sys.argv[1] == "slow stop":
        await asyncio.sleep(60)
    if sys.argv[1] == "failing stop":
        raise OSError("stuck")

class Service(containers.DeclarativeContainer):
    low = providers.Resource(low)
    high = providers.Resource(high, low)
    unused = providers.Singleton(dict)

asyncio.run(Application(Service(), start_timeout=90, stop_timeout=90).run())
say("ended")
"""


class Process:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.lines: list[str] = []

    def wait_for(self, line: str) -> None:
        assert self._process.stdout is not None
        while line not in self.lines:
            received = self._process.stdout.readline()
            assert received, f"ended before it said {line}"
            self.lines.append(received.strip())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """Return the exit code; `lines` and `errors` are complete then."""
        rest, self.errors = self._process.communicate(timeout=20)
        self.lines.extend(rest.split())
        return self._process.returncode


@contextmanager
def _service(how: str) -> Iterator[Process]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_service_gracefully(number: int) -> None:
    with _service("plain") as process:
        process.wait_for("+high")
        process.signal(number)
        assert process.end() == 0
    assert process.lines == ["+low", "+high", "-high", "-low", "ended"]
    assert process.errors == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_rolls_back(number: int) -> None:
    with _service("slow start") as process:
        process.wait_for("+high")
        process.signal(number)
        assert process.end() == 0
    assert process.lines == ["+low", "+high", "-low", "ended"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_second_signal_ends_the_service_at_once(number: int, code: int) -> None:
    with _service("slow stop") as process:
        process.wait_for("+high")
        process.signal(number)
        process.wait_for("-high")
        process.signal(number)
        assert process.end() == code
    assert "ended" not in process.lines


def test_parts_that_cannot_be_closed_are_reported_at_the_end() -> None:
    with _service("failing stop") as process:
        process.wait_for("+high")
        process.signal(signal.SIGTERM)
        assert process.end() == 1
    assert process.lines == ["+low", "+high", "-high", "-low"]
    assert "stuck" in process.errors
    assert "while high was closed" in process.errors


async def test_a_start_that_fails_ends_the_run(workshop: Workshop) -> None:
    workshop.starting["high"] = ValueError()
    low = workshop.async_resource("low")
    app = Application(workshop.container(low=low, high=workshop.async_resource("high", low)))
    with pytest.raises(StartError, match="high: ValueError"):
        await app.run()
    assert workshop.log == ["+low", "-low"]


async def test_a_run_that_is_cancelled_stops_the_application(workshop: Workshop) -> None:
    is_open = asyncio.Event()
    workshop.starting["part"] = is_open.set
    app = Application(workshop.container(part=workshop.async_resource("part")))
    before = signal.getsignal(signal.SIGTERM)
    running = asyncio.create_task(app.run())
    await is_open.wait()
    while not app.is_started:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert workshop.log == ["+part", "-part"]
    assert signal.getsignal(signal.SIGTERM) is before


async def test_a_rollback_longer_than_a_moment_is_waited_for(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iacs.runtime.lifecycle.waiting.GRACE", 0.01)
    is_waiting, is_closing, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        is_waiting.set()
        await asyncio.Event().wait()

    async def close() -> None:
        is_closing.set()
        await go_on.wait()

    workshop.starting["high"], workshop.ending["low"] = wait, close
    low = workshop.async_resource("low")
    app = Application(workshop.container(low=low, high=workshop.async_resource("high", low)))
    running = asyncio.create_task(app.run())
    await is_waiting.wait()
    signal.raise_signal(signal.SIGTERM)
    await is_closing.wait()
    await asyncio.sleep(0.05)
    assert not running.done()
    go_on.set()
    await running
    assert workshop.log == ["+low", "-low"]


async def _die() -> None:
    raise ConnectionError("the consumer ended")


async def in_asyncio_group(_database: object) -> AsyncIterator[object]:
    async with asyncio.TaskGroup() as group:
        group.create_task(_die())
        yield group


async def in_anyio_group(_database: object) -> AsyncIterator[object]:
    async with anyio.create_task_group() as group:
        group.start_soon(_die)
        yield group


@pytest.mark.parametrize("opening", [in_asyncio_group, in_anyio_group])
async def test_a_worker_that_dies_ends_the_run_with_its_error(
    workshop: Workshop, opening: Callable[..., Any]
) -> None:
    database = workshop.singleton("database")
    app = Application(workshop.container(database=database, worker=providers.Resource(opening, database)))
    with pytest.raises(ExceptionGroup) as caught:
        await app.run()
    assert [repr(error) for error in caught.value.exceptions] == ["ConnectionError('the consumer ended')"]
    assert caught.value.__notes__ == ["while worker was open"]
    assert workshop.log == ["+database", "-database"]


async def test_what_fails_at_the_stop_is_noted_on_the_error_of_the_worker(workshop: Workshop) -> None:
    workshop.ending["database"] = OSError("stuck")
    database = workshop.singleton("database")
    worker = providers.Resource(in_asyncio_group, database)
    with pytest.raises(ExceptionGroup) as caught:
        await Application(workshop.container(database=database, worker=worker)).run()
    assert caught.value.__notes__ == [
        "while worker was open",
        "and while database was closed: OSError: stuck",
    ]


async def test_a_part_that_ends_without_an_error_ends_the_run(caplog: pytest.LogCaptureFixture) -> None:
    async def leave() -> AsyncIterator[None]:
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_soon(scope.cancel)
            yield

    container = containers.DynamicContainer()
    container.part = providers.Resource(leave)
    with pytest.raises(StopError, match="part ended by itself") as caught:
        await Application(container).run()
    assert caught.value.path == "part"
    (logged,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    # fields follow where a logger of iacs was made
    assert logged.getMessage().startswith("part ended by itself")
    assert vars(logged)["part"] == "part"


class Janitor:
    def __init__(self, shutdown: ShutdownRequest) -> None:
        self.shutdown = shutdown


class Service(containers.DeclarativeContainer):
    shutdown = providers.Singleton(ShutdownRequest)
    janitor = providers.Singleton(Janitor, shutdown)


def _when_started(app: Application[Any], action: Callable[[], Any]) -> None:
    """Act when the application is started, in the event loop."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        action() if app.is_started else loop.call_soon(look)

    loop.call_soon(look)


async def test_a_part_asks_the_application_to_stop() -> None:
    app = Application(Service())
    _when_started(app, lambda: app.get(Janitor).shutdown.request())
    await app.run()
    assert not app.is_started


async def test_a_request_with_an_error_ends_the_run_with_it() -> None:
    app = Application(Service())
    _when_started(app, lambda: app.get(Janitor).shutdown.request(LookupError("no work left")))
    with pytest.raises(LookupError, match="no work left"):
        await app.run()
    assert not app.is_started


async def test_a_request_from_another_thread_ends_the_run() -> None:
    app = Application(Service())
    threads = [threading.Thread(target=lambda: app.get(Janitor).shutdown.request())]
    _when_started(app, threads[0].start)
    await app.run()
    threads[0].join(10)
    assert not app.is_started


async def test_a_request_that_is_made_while_starting_ends_the_run_after_the_start(workshop: Workshop) -> None:
    def ask(shutdown: ShutdownRequest) -> None:
        shutdown.request()

    shutdown = providers.Object(ShutdownRequest())
    container = workshop.container(shutdown=shutdown, early=providers.Singleton(ask, shutdown))
    await Application(container).run()


async def test_whoever_enters_the_application_waits_for_the_request() -> None:
    async with Application(Service()) as app:
        waiting = asyncio.create_task(app.get(ShutdownRequest).wait())
        await asyncio.sleep(0)
        app.get(Janitor).shutdown.request()
        app.get(Janitor).shutdown.request(LookupError("comes second"))
        await waiting
        assert app.get(ShutdownRequest).is_requested


async def test_a_run_sees_what_its_resources_set_in_their_context() -> None:
    variable: ContextVar[str] = ContextVar("variable")

    def setting() -> Iterator[None]:
        token = variable.set("set")
        yield
        variable.reset(token)

    container = containers.DynamicContainer()
    container.setting = providers.Resource(setting)
    container.shutdown = providers.Singleton(ShutdownRequest)
    app = Application(container)
    _when_started(app, lambda: app["shutdown"].request())
    await app.run()
