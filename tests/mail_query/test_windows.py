"""A mailbox read in windows of dates is the one that is read page after page, whatever happens meanwhile."""

import asyncio
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iacs.core.exceptions import GraphError, MailQueryError
from iacs.mail_query import MailQuery
from iacs.mail_query.window_reader import WindowReader
from iacs.mail_query.windows import Window, Windows
from iacs.sandbox import Sandbox
from tests.mail_query.conftest import Parts
from tests.mail_query.dated_graph import LAST, DatedGraph, spread
from tests.mail_query.scripted_graph import Reply, refusal
from tests.mail_query.whole import ALICE, Whole, letter

GAPS = st.lists(st.sampled_from([0.0, 0.3, 1.0, 60.0, 3600.0, 8_000_000.0]), max_size=150)
SECONDS = st.lists(st.sampled_from([1.0, 1.7, 60.0, 3600.0, 8_000_000.0]), max_size=150)
MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Reading straight from Graph leaves the database out of it, so one kind is enough."""
    return f"sqlite:///{tmp_path}/iacs.db"


def mailbox(parts: Parts, dates: list[datetime] | list[datetime | None]) -> DatedGraph:
    graph = DatedGraph(dates)
    parts.graph.handler = graph
    parts.graph.asked.clear()
    return graph


async def names(parts: Parts, *, concurrency: int = 4, **query: Any) -> list[str | None]:
    query = {"page_size": 5} | query
    messages = parts.mail.messages(parts.enrol(), MailQuery(**query), concurrency=concurrency)
    return [message.id async for message in messages]


def tasks_of_windows() -> list[str]:
    return [str(task) for task in asyncio.all_tasks() if WindowReader.__name__ in str(task.get_coro())]


@MANY
@given(gaps=GAPS, page_size=st.integers(1, 9), concurrency=st.integers(2, 5))
async def test_windows_yield_every_message_once_and_newest_first(
    parts: Parts, gaps: list[float], page_size: int, concurrency: int
) -> None:
    graph = mailbox(parts, spread(gaps))
    found = await names(parts, page_size=page_size, concurrency=concurrency)
    assert Counter(found) == Counter(list(graph.messages))
    dates = [graph.messages[str(name)].replace(microsecond=0) for name in found]  # type: ignore[union-attr]
    assert dates == sorted(dates, reverse=True)


@MANY
@given(gaps=SECONDS, page_size=st.integers(2, 9), seed=st.integers(0, 10**9))
async def test_nothing_is_twice_or_missing_while_mail_arrives_and_is_removed(
    parts: Parts, gaps: list[float], page_size: int, seed: int
) -> None:
    graph, random = mailbox(parts, spread(gaps)), Random(seed)  # noqa: S311
    stays, ever = set(graph.messages), set(graph.messages)

    def change(_: str) -> Reply | None:
        if random.random() < 0.5 and graph.messages:
            name = random.choice(list(graph.messages))
            del graph.messages[name]
            stays.discard(name)
        for _arrival in range(random.randrange(3)):
            age = random.choice([0.0, random.uniform(0, 10_000_000)])
            name = f"new{len(ever)}"
            graph.messages[name] = LAST + timedelta(hours=len(ever)) - timedelta(seconds=age)
            ever.add(name)
        return None

    graph.before_each = change
    found = Counter(await names(parts, page_size=page_size))
    assert set(found.values()) <= {1}
    assert stays <= set(found) <= ever


async def test_messages_without_a_date_come_last(parts: Parts) -> None:
    graph = mailbox(parts, [None, *spread([60.0] * 30), None])
    found = await names(parts)
    assert Counter(found) == Counter(list(graph.messages))
    assert found[-2:] == ["m0", "m32"]
    assert "m0" not in await names(parts, received_after=datetime(2000, 1, 1, tzinfo=UTC))


async def test_a_graph_that_cannot_ask_for_missing_dates_is_read_page_after_page(parts: Parts) -> None:
    graph = mailbox(parts, [None, *spread([60.0] * 30)])
    graph.refuses_null = True
    assert Counter(await names(parts)) == Counter(list(graph.messages))


async def test_a_list_that_is_not_sorted_is_followed_by_its_links(parts: Parts) -> None:
    graph = mailbox(parts, sorted(spread([60.0] * 40)))
    graph.ignores_order = True
    assert Counter(await names(parts, page_size=15)) == Counter(list(graph.messages))


async def test_a_mailbox_of_one_page_takes_three_requests(parts: Parts) -> None:
    mailbox(parts, spread([60.0] * 4))
    assert len(await names(parts)) == 5
    assert len(parts.graph.asked) == 3


async def test_an_empty_mailbox_has_no_messages(parts: Parts) -> None:
    mailbox(parts, [])
    assert await names(parts) == []


async def test_evenly_spread_mail_takes_few_requests_more_than_its_pages(parts: Parts) -> None:
    mailbox(parts, spread([60.0] * 1999))
    assert len(await names(parts, page_size=20)) == 2000
    assert len(parts.graph.asked) < 125  # 100 pages, and the last ones of the windows


async def test_a_mailbox_whose_oldest_message_cannot_be_seen_is_divided_all_the_same(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, taken = mailbox(parts, spread([60.0] * 200)), 0
    graph.is_always_newest_first = True
    original = Windows.take

    def take(self: Windows, **sizes: Any) -> Window | None:
        nonlocal taken
        window = original(self, **sizes)
        taken += window is not None
        return window

    monkeypatch.setattr(Windows, "take", take)
    assert Counter(await names(parts)) == Counter(list(graph.messages))
    assert taken > 4
    assert len(parts.graph.asked) < 80


async def test_a_year_without_mail_takes_few_requests(parts: Parts) -> None:
    mailbox(parts, spread([60.0] * 99 + [31_536_000.0] * 3 + [60.0] * 99))
    assert len(await names(parts, page_size=10)) == 202
    assert len(parts.graph.asked) < 60


async def test_conditions_bound_the_windows(parts: Parts) -> None:
    dates = spread([60.0] * 99)
    graph = mailbox(parts, dates)
    found = await names(
        parts, received_after=dates[80], received_before=dates[10], unread=True, filter="x eq 1 or y eq 2"
    )
    assert found == [f"m{number}" for number in range(11, 81)]
    assert graph.messages[str(found[0])] < dates[10]  # type: ignore[operator]
    asked = [asked.target for asked in parts.graph.asked if "filter" in asked.target]
    assert all("isRead%20eq%20false%20and%20%28x%20eq%201%20or%20y%20eq%202%29" in target for target in asked)


@pytest.mark.parametrize("limit", [3, 5, 6, 33])
async def test_the_limit_is_of_all_windows(parts: Parts, limit: int) -> None:
    mailbox(parts, spread([60.0] * 199))
    assert await names(parts, limit=limit) == [f"m{number}" for number in range(limit)]
    assert len(parts.graph.asked) < 25


async def test_selected_fields_are_fetched_with_the_date(parts: Parts) -> None:
    mailbox(parts, spread([60.0] * 20))
    assert len(await names(parts, select=("subject",))) == 21
    assert "select=id%2Csubject%2CreceivedDateTime&" in parts.graph.targets[-1]


@pytest.mark.parametrize("query", [{"search": "x"}, {"order_by": "subject"}, {"order_by": "received_at"}])
def test_what_cannot_be_divided_is_refused_before_any_request(parts: Parts, query: dict[str, Any]) -> None:
    with pytest.raises(MailQueryError, match="concurrency"):
        parts.mail.messages("a", MailQuery(**query), concurrency=4)
    parts.mail.messages("a", MailQuery(order_by=("receivedDateTime desc",)), concurrency=4)


def test_a_concurrency_below_one_is_refused(parts: Parts) -> None:
    with pytest.raises(MailQueryError, match="concurrency is 0"):
        parts.mail.messages("a", concurrency=0)


async def test_an_error_of_one_window_ends_the_others(parts: Parts) -> None:
    graph, pages = mailbox(parts, spread([60.0] * 500)), 0

    def fail(condition: str) -> Reply | None:
        nonlocal pages
        pages += "lt" in condition
        return refusal(403, "ErrorAccessDenied") if pages == 9 else None

    graph.before_each = fail
    with pytest.raises(GraphError) as caught:
        await names(parts)
    assert caught.value.status == 403
    assert tasks_of_windows() == []


async def test_a_folder_that_is_deleted_meanwhile_is_an_error(parts: Parts) -> None:
    graph = mailbox(parts, spread([60.0] * 500))
    graph.before_each = lambda condition: refusal(404, "ErrorItemNotFound") if " lt " in condition else None
    with pytest.raises(GraphError, match="a later page") as caught:
        await names(parts)
    assert caught.value.status == 404


async def test_a_reader_that_stops_leaves_nothing_behind(parts: Parts) -> None:
    graph, asked, until = mailbox(parts, spread([60.0] * 500)), asyncio.Event(), asyncio.Event()
    silent = Reply(b"", asked=asked, until=until)
    graph.before_each = lambda condition: silent if "lt" in condition else None
    async with aclosing(
        parts.mail.messages(parts.enrol(), MailQuery(page_size=5), concurrency=4)
    ) as messages:
        assert (await anext(messages)).id == "m0"
        assert len(tasks_of_windows()) == 4
        for number in range(1, 5):
            assert (await anext(messages)).id == f"m{number}"
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.wait_for(asked.wait(), 10)
        waiting.cancel()
        await asyncio.wait([waiting], timeout=10)
        assert tasks_of_windows() == []
    until.set()


async def test_pages_that_nobody_takes_are_not_fetched_without_end(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iacs.mail_query.window_reader._MAX_BYTES", 2000)
    mailbox(parts, spread([60.0] * 300))
    async with aclosing(
        parts.mail.messages(parts.enrol(), MailQuery(page_size=5), concurrency=4)
    ) as messages:
        await anext(messages)
        await asyncio.sleep(0.3)
        assert len(parts.graph.asked) < 30
        assert len([message async for message in messages]) == 300


async def test_a_page_that_graph_cannot_serve_is_requested_smaller(parts: Parts) -> None:
    graph = mailbox(parts, spread([60.0] * 200))
    original = graph.__call__

    def limited(request: Any) -> Reply | None:
        return refusal(504, "UnknownError") if int(request.query.get("$top", 1)) > 10 else original(request)

    parts.graph.handler = limited
    assert len(await names(parts, page_size=100)) == 201


async def test_a_throttled_window_is_repeated(parts: Parts) -> None:
    graph, number = mailbox(parts, spread([60.0] * 200)), 0

    def throttle(_: str) -> Reply | None:
        nonlocal number
        number += 1
        return refusal(429, "TooManyRequests", Retry_After="0") if number % 5 == 0 else None

    graph.before_each = throttle
    assert Counter(await names(parts)) == Counter(list(graph.messages))


async def test_more_messages_in_one_second_than_a_page_has_are_read_by_position(parts: Parts) -> None:
    graph = mailbox(parts, spread([60.0] * 10 + [0.001] * 50 + [60.0] * 30))
    assert Counter(await names(parts)) == Counter(list(graph.messages))


async def test_the_stand_in_sees_no_more_requests_at_a_time_than_it_allows(
    alice: Whole, cloud: Sandbox
) -> None:
    for number in range(120):
        cloud.mailbox(ALICE).add(letter(number), folder=f"inbox/{number % 20}")
    cloud.faults.slow("*messages*", seconds=0.01, times=None)
    cloud.requests.clear()
    found = [message.id async for message in alice.mail.messages(ALICE, concurrency=8)]
    assert Counter(found) == Counter([message.immutable_id for message in cloud.mailbox(ALICE).messages])
    await alice.mail.sync(ALICE)
    assert (await alice.mail.sync(ALICE)).new == 0
    assert {asked.status for asked in cloud.requests} == {200}
