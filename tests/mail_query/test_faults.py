"""Whatever goes wrong on the way, the messages that arrive are those of the mailbox."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import Reply, ScriptedGraph, page, refusal

BAD = refusal(429, "TooManyRequests", Retry_After="0")
FAULTS = st.lists(
    st.sampled_from([BAD, refusal(429, "TooManyRequests"), refusal(503, "x"), Reply(drop=True)]), max_size=1
)
PAGES = st.lists(st.tuples(FAULTS, st.lists(st.integers(0, 8), max_size=4)), min_size=1, max_size=6)
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def script(
    graph: ScriptedGraph,
    start: str,
    pages: list[tuple[list[Reply], list[int]]],
    late: int,
    end: dict[str, str],
) -> None:
    """Give the pages one after another, each after its faults; a 504 comes before the page `late`."""
    for number, (faults, names) in enumerate(pages):
        target = start if number == 0 else f"/{number}"
        last = number == len(pages) - 1
        links = end if last else {"next_link": f"{{url}}/{number + 1}"}
        timeout = [refusal(504, "timeout")] if number == late else []
        items = [{"id": str(name), "changeKey": "k", "subject": f"s{name}"} for name in names]
        graph.on(target, *faults, *timeout, page(*items, **links))


class OffsetGraph:
    """A folder of messages that pages by position, as large as is asked for, with a fault before some pages."""

    def __init__(self, count: int, limit: int, faults: list[Reply]) -> None:
        self.count, self.limit, self.faults = count, limit, faults
        self.requests = 0

    def __call__(self, request: web.Request) -> Reply | None:
        path = request.path.removeprefix("/v1.0")
        if "messages" not in path:
            return (
                page({"id": "f", "displayName": "F", "childFolderCount": 0})
                if "child" not in path
                else page()
            )
        self.requests += 1
        if self.requests % 2 and self.faults:
            return self.faults.pop()
        preferred = request.headers["Prefer"].partition("maxpagesize=")[2]
        size = int(request.query.get("$top") or preferred)
        if size > self.limit:
            return refusal(504, "UnknownError")
        skip = int(request.query.get("$skip", 0))
        items = [
            {"id": str(number), "changeKey": "k"} for number in range(skip, min(skip + size, self.count))
        ]
        following = {"$skip": str(skip + size)} | ({"$top": str(size)} if "$top" in request.query else {})
        link = f"{{url}}{path}?{urlencode(following)}"
        if skip + size < self.count:
            return page(*items, next_link=link)
        return page(*items, **({"delta_link": link} if path.endswith("/delta") else {}))


SOME = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BROKEN = [
    *(Reply(body=body) for body in (b"", b"<html>", b'{"value":[{"id":"1"', b'{"error":{"code":"Busy"}}')),
    *(refusal(status, "x") for status in (204, 408, 423, 500, 502, 503, 504)),
    BAD,
    Reply(drop=True),
]


@SOME
@given(
    count=st.integers(0, 240),
    limit=st.integers(1, 150),
    faults=st.lists(st.sampled_from(BROKEN), max_size=12),
)
async def test_every_message_arrives_once_whatever_size_of_page_graph_can_serve(
    parts: Parts, count: int, limit: int, faults: list[Reply]
) -> None:
    email, expected = parts.enrol(), Counter(map(str, range(count)))
    parts.graph.handler = OffsetGraph(count, max(limit, count // 40), list(faults))
    assert Counter([message.id async for message in parts.mail.messages(email)]) == expected
    parts.graph.handler = OffsetGraph(count, max(limit, count // 40), list(faults))
    result = await parts.mail.sync(email)
    assert Counter([message.id async for message in parts.mail.stored(email)]) == expected
    assert (result.new, result.published) == (count, count)


@MANY
@given(pages=PAGES, late=st.integers(0, 5))
async def test_a_query_gives_what_the_pages_hold(parts: Parts, pages: list[Any], late: int) -> None:
    script(parts.graph, "/me/messages", pages, late, {})
    ids = [message.id async for message in parts.mail.messages(parts.enrol())]
    assert ids == list(dict.fromkeys(str(name) for _, names in pages for name in names))


@MANY
@given(pages=PAGES, late=st.integers(0, 5))
async def test_a_sync_stores_each_message_once(parts: Parts, pages: list[Any], late: int) -> None:
    email = parts.enrol()
    parts.graph.on("/me/mailFolders", page({"id": "f", "displayName": "F", "childFolderCount": 0}))
    script(parts.graph, "/me/mailFolders/f/messages/delta", pages, late, {"delta_link": "{url}/later"})
    parts.graph.on("/later", page(delta_link="{url}/later"))
    result = await parts.mail.sync(email)
    names = {str(name) for _, names in pages for name in names}
    assert {message.id async for message in parts.mail.stored(email)} == names
    assert (result.new, result.published, await parts.mail.count(email)) == (len(names),) * 3
    again = await parts.mail.sync(email)
    assert (again.seen, again.new, again.removed, again.published) == (0, 0, 0, 0)
