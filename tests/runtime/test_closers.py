"""Closers that an application is given, and parts that it is asked to keep open."""

from collections.abc import Awaitable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy
from dependency_injector import containers, providers
from sqlalchemy.pool import QueuePool

from iacs.core.exceptions import AmbiguousPartError, StartError, UnknownPartError, WiringError
from iacs.runtime import Application, scoped
from iacs.runtime.plan.closers import unclear_closing, ways_to_close
from tests.fixtures.workshop import Closable, Made, Workshop


class Bot:
    """A client that sends a request with `close`."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.is_released = False

    async def close(self, timeout: float | None = None) -> bool:
        self.requests.append("close")
        return True

    async def release(self) -> None:
        self.is_released = True


class Subscriber(Bot): ...


def _engine() -> sqlalchemy.Engine:
    return sqlalchemy.create_engine("sqlite://", poolclass=QueuePool)


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(_engine)
    executor = providers.Singleton(ThreadPoolExecutor, 1)


@pytest.mark.parametrize(
    "closing",
    [
        {"engine": sqlalchemy.Engine.dispose, "executor": Executor.shutdown},
        {sqlalchemy.Engine: sqlalchemy.Engine.dispose, Executor: Executor.shutdown},
    ],
    ids=["by path", "by class"],
)
@pytest.mark.parametrize("in_loop", [True, False])
async def test_what_has_no_close_is_closed_by_what_was_given_for_it(
    closing: dict[type | str, Any], in_loop: bool
) -> None:
    app = Application(Container(), closing=closing)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app) if in_loop else stack.enter_context(app.sync())
        engine, executor = app["engine"], app["executor"]
        with engine.connect():
            executor.submit(int).result()
        assert engine.pool.checkedin() == 1
    assert engine.pool.checkedin() == 0
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(int)


@pytest.mark.parametrize("name", ["bot", Bot])
async def test_an_asynchronous_closer_is_awaited(name: str | type) -> None:
    class Bots(containers.DeclarativeContainer):
        bot = providers.Singleton(Subscriber)

    async with Application(Bots(), closing={name: Bot.release}) as app:
        bot = app.get(Subscriber)
    assert bot.is_released
    with pytest.raises(StartError, match="bot is closed asynchronously"), app.sync():
        pytest.fail("started all the same")


@pytest.mark.parametrize("kept", ["part", "inner.part", Closable, Made])
async def test_what_is_kept_open_by_path_or_class_is_not_closed(workshop: Workshop, kept: str | type) -> None:
    inner = workshop.inside(part=workshop.singleton("part"))
    container = workshop.container(inner=inner, other=workshop.async_singleton("other"))
    async with Application(container, keep_open=[kept]):
        """Closed at the end."""
    assert workshop.closed == ([] if kept is Made else ["other"])


async def test_the_closer_of_a_part_comes_before_that_of_its_class(workshop: Workshop) -> None:
    container = workshop.container(first=workshop.singleton("first"), second=workshop.singleton("second"))
    async with Application(container, keep_open=[Closable], closing={"second": Closable.close}):
        """Closed at the end."""
    assert workshop.closed == ["second"]


async def test_the_closer_of_a_class_comes_before_that_of_its_base(workshop: Workshop) -> None:
    container = workshop.container(part=workshop.singleton("part"))
    async with Application(container, keep_open=[Made], closing={Closable: Closable.close}):
        """Closed at the end."""
    assert workshop.closed == ["part"]


async def test_a_resource_that_is_not_entered_is_closed_by_what_was_given_for_it() -> None:
    class Plain(containers.DeclarativeContainer):
        engine = providers.Resource(_engine)

    async with Application(Plain(), closing={"engine": sqlalchemy.Engine.dispose}) as app:
        engine = app["engine"]
        engine.connect().close()
    assert engine.pool.checkedin() == 0


async def test_an_object_that_two_parts_are_is_closed_once() -> None:
    disposed: list[object] = []
    engine = providers.Singleton(_engine)

    class Twice(containers.DeclarativeContainer):
        first = engine
        second = providers.Resource(lambda given: given, first)

    async with Application(Twice(), closing={sqlalchemy.Engine: disposed.append}) as app:
        made = app["first"]
    assert disposed == [made]


async def test_overlays_and_scopes_close_by_the_same_rules(workshop: Workshop) -> None:
    closed: list[str] = []

    def note(part: Made) -> None:
        closed.append(part.name)

    low = providers.Object("low")
    make = workshop.singleton("made").provides
    container = workshop.container(
        low=low,
        part=providers.Singleton(make, low),
        scoped=scoped.singleton(make),
        kept=scoped.singleton(make),
    )
    app = Application(container, closing={Made: note}, keep_open=["kept"])
    with app.overlay(low="alone"):
        """Started by itself."""
    assert closed == ["made"]
    async with app:
        with app.overlay(low="other"):
            """Built again."""
        assert closed == ["made"] * 2
        with app.scope() as scope:
            assert scope["scoped"] is not scope["kept"]
        assert closed == ["made"] * 3
    assert closed == ["made"] * 4
    assert workshop.closed == []


def test_a_name_that_the_container_lacks_is_refused(workshop: Workshop) -> None:
    container = workshop.container(engine=workshop.singleton("engine"))
    with pytest.raises(UnknownPartError, match="did you mean engine"):
        Application(container, keep_open=["engin"])


def test_an_ambiguous_name_is_refused(workshop: Workshop) -> None:
    container = workshop.container(
        left=workshop.inside(part=workshop.singleton("left")),
        right=workshop.inside(part=workshop.singleton("right")),
    )
    with pytest.raises(AmbiguousPartError):
        Application(container, closing={"part": Closable.close})


def test_a_factory_cannot_have_a_closer(workshop: Workshop) -> None:
    container = workshop.container(session=workshop.factory("session"))
    with pytest.raises(WiringError, match="session is of kind factory") as caught:
        Application(container, closing={"session": Closable.close})
    assert caught.value.path == "session"


async def test_a_close_that_returns_something_is_a_request_and_is_not_sent(workshop: Workshop) -> None:
    class Bots(containers.DeclarativeContainer):
        bot = providers.Singleton(Bot)

    async with Application(Bots()) as app:
        bot = app.get(Bot)
    assert bot.requests == []
    async with Application(Bots(), closing={Bot: Bot.close}) as app:
        bot = app.get(Bot)
    assert bot.requests == ["close"]


@pytest.mark.parametrize(
    ("annotation", "is_closing"),
    [
        (None, True),
        ("None", True),
        (Any, True),
        (Awaitable[None], True),
        ("asyncio.Future[None]", True),
        (bool, False),
        ("bool", False),
        (dict[str, Any], False),
    ],
)
def test_a_closing_is_known_by_what_it_returns(annotation: Any, is_closing: bool) -> None:
    class Client:
        def close(self) -> None: ...

    Client.close.__annotations__["return"] = annotation
    assert (ways_to_close(Client())[0] is not None) is is_closing
    assert unclear_closing(Client) == ("" if is_closing else "close")
