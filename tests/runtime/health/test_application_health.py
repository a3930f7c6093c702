"""What an application adds to health: whether it is started, its own event loop, and what still owes an answer."""

import asyncio
import threading
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import DatabaseError, ForeignLoopError
from iacs.runtime import Application
from iacs.runtime.health import Health, Status


class Database:
    """Count its probes; be unavailable on demand."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    def probe(self) -> str:
        self.asked += 1
        if self.away:
            raise DatabaseError("the server is away")
        return "here"


class Client:
    async def aclose(self) -> None:
        pass


class Service:
    def __init__(self, *needs: object) -> None:
        self.needs = needs


class Plain(containers.DeclarativeContainer):
    database = providers.Singleton(Database)
    service = providers.Singleton(Service, database)
    other = providers.Singleton(Service)


class Whole(Plain):
    client = providers.Singleton(Client)


def causes(health: Health) -> dict[str, list[str]]:
    return {module.name: [str(cause) for cause in module.causes] for module in health.modules}


async def test_a_started_application_reports_the_health_of_its_parts() -> None:
    async with Application(Whole()) as app:
        assert causes(await app.health()) == {"service": [], "other": [], "client": []}
        app.get(Database).away = True
        health = await app.health()
        assert causes(health)["service"] == ["service -> database: the server is away"]
        assert (causes(health)["other"], app.get(Database).asked) == ([], 2)


async def test_application_that_is_not_started_is_down() -> None:
    app = Application(Whole())
    health = Health(error="the application is not started")
    assert await app.health() == health
    async with app:
        assert (await app.health()).up
    assert await app.health() == health
    assert (health.status, health.http_status) == (Status.DOWN, 503)
    assert health.to_dict() == {"status": "down", "error": health.error, "modules": {}, "parts": {}}
    assert "error" not in health.to_dict(details=False)


async def test_of_an_application_with_roots_only_what_they_ask_is_reported() -> None:
    async with Application(Whole(), roots=["other"]) as app:
        health = await app.health()
        assert (causes(health), health.parts) == ({"other": []}, ())


def test_synchronous_application_is_asked_in_an_event_loop_of_its_own() -> None:
    with Application(Plain()).sync() as app:
        for _ in range(2):
            (part,) = asyncio.run(app.health()).parts
            assert (part.path, part.status, part.detail) == ("database", Status.UP, "here")


async def test_another_event_loop_is_refused_by_the_name_of_a_part() -> None:
    async with Application(Whole()) as app:
        with pytest.raises(ForeignLoopError, match="client"):
            await asyncio.to_thread(lambda: asyncio.run(app.health()))


async def test_part_that_owes_an_answer_is_not_asked_again_by_the_next_call() -> None:
    free = threading.Event()

    class Stuck(Database):
        def probe(self) -> str:
            self.asked += 1
            free.wait(100)
            return "at last"

    class Flat(containers.DeclarativeContainer):
        database = providers.Singleton(Stuck)

    async with Application(Flat()) as app:
        try:
            assert [(await app.health(0.02)).status for _ in range(3)] == [Status.DOWN] * 3
            assert app.get(Stuck).asked == 1
        finally:
            free.set()
        async with asyncio.timeout(30):
            while not (await app.health()).up:  # noqa: ASYNC110 - its owner notifies nobody
                await asyncio.sleep(0.001)


async def test_many_concurrent_callers_all_get_the_whole_answer() -> None:
    async with Application(Whole()) as app:
        reports: list[Any] = await asyncio.gather(*(app.health() for _ in range(50)))
        assert {report.status for report in reports} == {Status.UP}
        assert app.get(Database).asked == 50
