"""Handlers of events under the runtime, held against each backend."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from types import ModuleType
from typing import Annotated, Any

import pytest
import pytest_asyncio
from dependency_injector import containers, providers
from pydantic import BaseModel

from iacs.core.database import Database
from iacs.core.dead_letters import replay
from iacs.core.event_log import EventLog
from iacs.core.events import Event, EventStream, NewEvent
from iacs.core.exceptions import EventError, UnknownPartError, UnprocessableEventError
from iacs.integrations.events import on, setup
from iacs.runtime import Application, inject, scoped
from tests.fixtures.events import LOGGER, Streams, read

LIMIT = 60.0


class OrderPlaced(BaseModel):
    number: int


class Ledger:
    """What the handlers of a test have done."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.grown = asyncio.Condition()

    async def add(self, entry: Any) -> None:
        async with self.grown:
            self.entries.append(entry)
            self.grown.notify_all()

    async def has(self, count: int) -> list[Any]:
        async with asyncio.timeout(LIMIT), self.grown:
            await self.grown.wait_for(lambda: len(self.entries) >= count)
        return self.entries


class Session:
    def __init__(self, ledger: Ledger, event: Event, order: OrderPlaced) -> None:
        self.ledger, self.event, self.order = ledger, event, order


async def open_session(ledger: Ledger, event: Event, order: OrderPlaced) -> AsyncIterator[Session]:
    try:
        yield Session(ledger, event, order)
    except BaseException:
        await ledger.add("rolled back")
        raise
    await ledger.add("committed")


class Container(containers.DeclarativeContainer):
    events = providers.Dependency(instance_of=EventStream)
    ledger = providers.Singleton(Ledger)
    spare = providers.Singleton(Ledger)
    event = scoped.value(Event)
    order = scoped.value(OrderPlaced)
    session = scoped.resource(open_session, ledger, event, order)


def application(stream: EventStream) -> Application[Container]:
    return Application(Container(events=providers.Object(stream)))


@pytest_asyncio.fixture
async def log() -> AsyncIterator[EventLog]:
    """The quickest event stream, for what does not depend on the backend."""
    async with Database("sqlite:///:memory:") as database, EventLog(database, logger=LOGGER) as log:
        yield log


async def test_a_handler_receives_typed_events_and_parts_in_a_scope_of_its_own(
    stream: EventStream, topic: str
) -> None:
    @on(topic, group="billing")
    async def bill(order: OrderPlaced, ledger: Annotated[Ledger, "ledger"], session: Session) -> None:
        assert session.order is order
        assert session.event.value == {"number": order.number}
        await ledger.add(order)

    await stream.publish_many(NewEvent(topic, {"number": n}, key="k") for n in range(3))
    app = application(stream)
    async with setup([bill], app):
        entries = await app["ledger"].has(6)
    assert entries == [item for n in range(3) for item in (OrderPlaced(number=n), "committed")]
    assert not app.is_started


async def test_a_failing_event_is_retried_in_its_turn_and_then_a_dead_letter_with_the_reason(
    streams: Streams, topic: str
) -> None:
    @on(topic, group="billing", retries=2, backoff_seconds=0.01)
    async def bill(order: OrderPlaced, ledger: Annotated[Ledger, "ledger"]) -> None:
        await ledger.add(order.number)
        if order.number == 1:
            raise RuntimeError("the card is declined; password=hunter2")

    stream = streams.open()
    await stream.publish_many(NewEvent(topic, {"number": n}, key="k") for n in range(3))
    app = application(stream)
    async with setup([bill], app):
        assert await app["ledger"].has(5) == [0, 1, 1, 1, 2]
    [letter] = await read(stream, streams.dead_letter_topic)
    assert letter.value["reason"].startswith("RuntimeError: the card is declined")
    assert "hunter2" not in letter.value["reason"]
    assert await read(stream, topic, "billing") == []


async def test_a_dead_letter_is_handled_when_it_is_replayed(streams: Streams, topic: str) -> None:
    is_open = False

    @on(topic, group="billing", retries=0)
    async def bill(event: Event, ledger: Annotated[Ledger, "ledger"]) -> None:
        await ledger.add((event.id, event.value))
        if not is_open:
            raise RuntimeError("the bank is closed")

    stream = streams.open()
    await stream.publish(topic, 7, key="k", event_id="the id")
    app = application(stream)
    async with setup([bill], app):
        await app["ledger"].has(1)
        await first(stream, streams.dead_letter_topic, 1)
        is_open = True
        letters = replay(stream, topic, dead_letter_topic=streams.dead_letter_topic, idle_timeout=0.3)
        assert [outcome.problem async for outcome in letters] == [None]
        assert await app["ledger"].has(2) == [("the id", 7)] * 2


async def first(stream: EventStream, topic: str, count: int) -> list[Event]:
    """Return the first events of a topic, as soon as there are so many."""
    async with asyncio.timeout(LIMIT), aclosing(stream.consume(topic)) as events:
        return [await anext(events) for _ in range(count)]


async def test_the_event_in_work_is_finished_at_the_end_and_no_other_is_begun(
    stream: EventStream, topic: str
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    @on(topic, group="billing")
    async def bill(event: Event, ledger: Annotated[Ledger, "ledger"]) -> None:
        begun.set()
        await may_end.wait()
        await ledger.add(event.value)

    await stream.publish_many(NewEvent(topic, n, key="k") for n in range(5))
    app = application(stream)
    async with setup([bill], app):
        await asyncio.wait_for(begun.wait(), LIMIT)
        ledger = app["ledger"]
        asyncio.get_running_loop().call_later(0.3, may_end.set)
    assert ledger.entries == [0]
    assert [event.value for event in await read(stream, topic, "billing")] == [1, 2, 3, 4]


async def test_an_event_that_waits_for_its_next_attempt_at_the_end_is_read_again(
    stream: EventStream, topic: str
) -> None:
    @on(topic, group="billing", backoff_seconds=600)
    async def bill(event: Event, ledger: Annotated[Ledger, "ledger"]) -> None:
        await ledger.add(event.value)
        raise RuntimeError("not yet")

    await stream.publish(topic, 1, key="k")
    app = application(stream)
    async with setup([bill], app):
        await app["ledger"].has(1)
    assert [event.value for event in await read(stream, topic, "billing")] == [1]


async def test_a_handler_that_does_not_end_in_time_is_cancelled_and_its_event_read_again(
    log: EventLog, topic: str
) -> None:
    begun = asyncio.Event()

    @on(topic, group="billing")
    async def bill(_event: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    await log.publish(topic, 1)
    async with asyncio.timeout(LIMIT):
        async with setup([bill], Application(Container(events=providers.Object(log)), stop_timeout=0.1)):
            await begun.wait()
    assert [event.value for event in await read(log, topic, "billing")] == [1]


async def test_an_event_of_another_shape_is_a_dead_letter_at_once_and_quotes_no_value(
    log: EventLog, topic: str
) -> None:
    @on(topic, group="billing", backoff_seconds=600)
    async def bill(_order: OrderPlaced) -> None:
        raise AssertionError

    @on(topic, group="shipping", backoff_seconds=600)
    async def ship(_event: Event) -> None:
        raise UnprocessableEventError("nobody lives there")

    await log.publish(topic, {"number": "hunter2"})
    async with setup([bill, ship], application(log)):
        letters = await first(log, "iacs.dead-letter", 2)
    reasons = {letter.value["reason"] for letter in letters}
    assert "nobody lives there" in reasons
    [shape] = reasons - {"nobody lives there"}
    assert "bill() takes: number: Input should be a valid integer" in shape
    assert "hunter2" not in shape


async def test_each_attempt_has_a_scope_of_its_own(log: EventLog, topic: str) -> None:
    @on(topic, group="billing", retries=1, backoff_seconds=0)
    async def bill(_order: OrderPlaced, session: Session) -> None:
        if len(session.ledger.entries) == 0:
            raise RuntimeError("once")

    await log.publish(topic, {"number": 1})
    app = application(log)
    async with setup([bill], app):
        assert await app["ledger"].has(2) == ["rolled back", "committed"]


async def test_functions_called_by_a_handler_find_its_scope_also_in_a_thread(
    log: EventLog, topic: str
) -> None:
    sessions: list[Session] = []

    @inject
    def remember(session: Session) -> None:
        sessions.append(session)

    @on(topic, group="async")
    async def handle(_order: OrderPlaced, session: Session) -> None:
        remember()
        assert sessions == [session]

    @on(topic, group="threads")
    def handle_in_thread(_order: OrderPlaced, session: Session, note: str = "x") -> None:
        assert note == "x"
        remember()
        assert sessions[-1] is session

    await log.publish(topic, {"number": 1})
    for handler in (handle, handle_in_thread):
        app = application(log)
        async with setup([handler], app):
            assert await app["ledger"].has(1) == ["committed"]


async def test_a_missing_part_is_named_before_anything_is_read(log: EventLog, topic: str) -> None:
    class Absent: ...

    @on(topic, group="billing")
    async def bill(_event: Event, missing: Absent) -> None: ...

    consumers = setup([bill], application(log))
    with pytest.raises(UnknownPartError) as caught:
        await consumers.__aenter__()
    assert any("parameter missing of" in note for note in caught.value.__notes__)


async def test_all_handlers_of_a_module_run_with_a_consumer_per_group(log: EventLog, topic: str) -> None:
    module = ModuleType("handlers")

    @on(topic, group="billing")
    @on(topic, group="shipping")
    async def handle(event: Event, ledger: Annotated[Ledger, "ledger"]) -> None:
        await ledger.add(event.value)

    vars(module).update(handle=handle, other=3)
    await log.publish(topic, 1)
    app = application(log)
    async with setup(module, app):
        assert await app["ledger"].has(2) == [1, 1]


def test_what_cannot_be_set_up_is_refused(topic: str) -> None:
    @on(topic, group="billing")
    async def one(_event: Event) -> None: ...

    @on(topic, group="billing")
    async def two(_event: Event) -> None: ...

    app = Application(Container(events=providers.Object(EventLog.__new__(EventLog))))
    with pytest.raises(EventError, match="there is no event handler"):
        setup([], app)
    with pytest.raises(EventError, match="would share its events"):
        setup([one, two], app)


async def test_an_overlay_that_the_caller_entered_replaces_the_application(log: EventLog, topic: str) -> None:
    @on(topic, group="billing")
    async def bill(event: Event, ledger: Annotated[Ledger, "ledger"]) -> None:
        await ledger.add(event.value)

    await log.publish(topic, 1)
    app, mine = application(log), Ledger()
    async with app, app.overlay(ledger=mine), setup([bill], app):
        assert await mine.has(1) == [1]


async def test_a_consumer_that_cannot_go_on_ends_the_block_with_its_error(log: EventLog, topic: str) -> None:
    @on("not/a/topic", group="billing")
    async def bill(_event: Event) -> None: ...

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(LIMIT), setup([bill], application(log)):
            await asyncio.Event().wait()
    assert caught.group_contains(EventError, match="not the name of a topic")


async def test_a_service_ends_by_a_signal(log: EventLog, topic: str) -> None:
    @on(topic, group="billing")
    async def bill(_event: Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    await log.publish(topic, 1)
    await asyncio.wait_for(setup([bill], application(log)).run(), LIMIT)
    assert await read(log, topic, "billing") == []
