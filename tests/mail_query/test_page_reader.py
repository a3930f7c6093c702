import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.mail_query import link_trail
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.link_trail import LinkTrail
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import read_documents
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import Reply, ScriptedGraph, page, refusal


@pytest.fixture
def reader(client: GraphClient) -> PageReader[object]:
    return PageReader(client, "a", read_documents, size=PageSize(100))


async def read(reader: PageReader[object], url: str, *, limit: int | None = None) -> list[object]:
    return [item async for page in reader.pages(url, limit=limit) for item in page.items]


async def test_the_next_page_is_requested_before_anybody_asks_for_it(
    reader: PageReader[object], graph: ScriptedGraph
) -> None:
    asked = asyncio.Event()
    graph.on("/a", page(1, next_link="{url}/b"))
    graph.on("/b", replace(page(2, next_link="{url}/c"), asked=asked))
    graph.on("/c", page(3))
    async with aclosing(reader.pages(f"{graph.url}/a")) as pages:
        assert (await anext(pages)).items == (1,)
        await asyncio.wait_for(asked.wait(), 10)
        assert graph.targets == ["/a", "/b"]
        assert [item async for page in pages for item in page.items] == [2, 3]


async def test_nothing_is_requested_beyond_a_limit(reader: PageReader[object], graph: ScriptedGraph) -> None:
    graph.on("/a", page(1, next_link="{url}/b"))
    async with aclosing(reader.pages(f"{graph.url}/a", limit=100)) as pages:
        await anext(pages)
        await asyncio.sleep(0.01)
    assert graph.targets == ["/a"]


async def test_reading_may_end_while_the_next_page_is_under_way(
    reader: PageReader[object], graph: ScriptedGraph
) -> None:
    asked, never = asyncio.Event(), asyncio.Event()
    graph.on("/a", page(1, next_link="{url}/b"))
    graph.on("/b", replace(page(2), asked=asked, until=never))
    async with aclosing(reader.pages(f"{graph.url}/a")) as pages:
        await anext(pages)
        await asyncio.wait_for(asked.wait(), 10)
    never.set()


async def test_an_error_of_the_next_page_comes_after_the_present_one(
    reader: PageReader[object], graph: ScriptedGraph
) -> None:
    graph.on("/a", page(1, next_link="{url}/b"))
    graph.on("/b", refusal(404, "ErrorItemNotFound"))
    async with aclosing(reader.pages(f"{graph.url}/a")) as pages:
        assert (await anext(pages)).items == (1,)
        with pytest.raises(GraphError, match="a later page"):
            await anext(pages)


async def test_a_malformed_page_that_came_early_is_requested_again(
    reader: PageReader[object], graph: ScriptedGraph
) -> None:
    graph.on("/a", page(1, next_link="{url}/b"))
    graph.on("/b", Reply(body=b'{"value": ['), page(2))
    assert await read(reader, f"{graph.url}/a") == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b'{"value": [{"x": {"@odata.nextLink": "{url}/wrong"}}]}',
        b'{"value": [{"x": {"@odata.nextLink": "https://elsewhere.example/wrong"}}]}',
        b'{"value": [{"x": {"@odata.nextLink": "\\u12"}}]}',
        b'{"value": [{"x": "\\"@odata.nextLink\\":\\"{url}/wrong\\""}]}',
    ],
)
async def test_a_link_within_a_message_is_not_followed(
    reader: PageReader[object], graph: ScriptedGraph, body: bytes
) -> None:
    graph.on("/a", page({"id": "1"}, next_link="{url}/b"))
    graph.on("/wrong", page({"id": "wrong"}))
    graph.on("/b", Reply(body=body[:-1] + b', "@odata.nextLink": "{url}/c"}'), Reply(body=body))
    graph.on("/c", Reply(body=b'{"@odata.nextLink": "{url}/d", ' + body[1:]))
    graph.on("/d", Reply(body=body))
    if b"u12" in body:
        graph.on("/b", page({"id": "2"}, next_link="{url}/c"))
        graph.on("/c", page({"id": "3"}, next_link="{url}/d"))
        graph.on("/d", page({"id": "4"}))
    assert len(await read(reader, f"{graph.url}/a")) == 4


async def test_an_endless_chain_of_empty_pages_is_an_error(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_trail, "MIN_PATIENCE", 20)
    number = 0

    def endless(_: object) -> Reply:
        nonlocal number
        number += 1
        return page(next_link=f"{{url}}/me/messages?more={number}")

    parts.graph.handler = endless
    with pytest.raises(MalformedResponseError, match="21 pages"):
        [message async for message in parts.mail.messages(parts.enrol())]
    assert number <= 23


def test_a_list_that_brings_a_new_item_now_and_then_may_be_of_any_length() -> None:
    trail = LinkTrail()
    for number in range(5 * link_trail.MIN_PATIENCE):
        trail.record([{"id": str(number)}] if number % link_trail.MIN_PATIENCE == 0 else [])


def test_items_that_came_before_are_no_progress() -> None:
    trail = LinkTrail()
    for number in range(link_trail.MIN_PATIENCE + 1):
        trail.record([{"id": str(number % 2)}] if number > 1 else [{"id": str(number)}])
    trail.record([{"id": "0"}])
    with pytest.raises(MalformedResponseError, match="no new item"):
        trail.record([{"id": "1"}])


def test_a_long_folder_may_have_more_pages_without_an_item() -> None:
    trail = LinkTrail(expected=3000)
    for _ in range(3000):
        trail.record([])
    with pytest.raises(MalformedResponseError, match="3001 pages"):
        trail.record([])


def test_items_that_are_not_decoded_yet_are_compared_by_their_json() -> None:
    trail = link_trail.LinkTrail()
    for _ in range(link_trail.MIN_PATIENCE + 1):
        trail.record([b'{"id":"1"}'])
    with pytest.raises(link_trail.EndlessListError):
        trail.record([b'{"id":"1"}'])
