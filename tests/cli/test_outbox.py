"""Parked events by command."""

import asyncio
import json

import pytest

from iacs.containers import ApplicationContainer
from iacs.core.events import NewEvent
from iacs.core.outbox import Outbox
from iacs.runtime import Application
from tests.cli.conftest import Iacs

EVENTS = [NewEvent("orders", 1, key="a", id="1"), NewEvent("orders", 2, id="2")]


@pytest.fixture
def parked(iacs: Iacs) -> None:
    """Park two events, as three relays would."""
    iacs("init-db")

    async def add() -> None:
        container = ApplicationContainer()
        async with Application(container, roots=[Outbox]) as app:
            await container.core.database().run(app.get(Outbox).add, EVENTS)
            with container.core.database().transaction() as tx:
                tx.execute(
                    "UPDATE iacs_outbox SET attempts = 3, problem = 'it is too large', parked_at = created_at"
                )

    asyncio.run(add())


def test_an_outbox_without_parked_events_says_so(iacs: Iacs) -> None:
    iacs("init-db")
    ran = iacs("outbox", "list")
    assert (ran.code, ran.out, ran.err) == (0, "", "no event is parked\n")


@pytest.mark.usefixtures("parked")
def test_parked_events_are_listed_with_the_reason(iacs: Iacs) -> None:
    titles, first, second = iacs("outbox", "list").lines
    assert titles.split() == ["id", "topic", "key", "attempts", "added", "problem"]
    assert first.endswith("it is too large")
    assert second.split()[:4] == ["2", "orders", "-", "3"]
    events = [json.loads(line) for line in iacs("outbox", "list", "--json").lines]
    assert [(event["id"], event["problem"]) for event in events] == [
        ("1", "it is too large"),
        ("2", "it is too large"),
    ]


@pytest.mark.usefixtures("parked")
def test_a_parked_event_is_retried_or_dropped(iacs: Iacs) -> None:
    assert iacs("outbox", "retry", "1").lines == ["1 event will be sent again"]
    assert json.loads(iacs("outbox", "drop", "2", "--json").out) == {"dropped": 1}
    assert iacs("outbox", "list").out == ""
    assert iacs("events", "relay").lines == ["1 event published"]


@pytest.mark.usefixtures("parked")
def test_an_event_that_is_not_parked_is_an_error_with_the_command_that_lists_them(iacs: Iacs) -> None:
    ran = iacs("outbox", "drop", "3")
    assert ran.code == 1
    assert "no parked event has the id '3'" in ran.err
    assert "iacs outbox list" in ran.err
