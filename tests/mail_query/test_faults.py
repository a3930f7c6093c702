"""Whatever goes wrong on the way, the messages that arrive are those of the mailbox."""

from typing import Any

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
        target = start if number == 0 else f"{start}&page={number}"
        last = number == len(pages) - 1
        links = end if last else {"next_link": f"{{url}}{start}&page={number + 1}"}
        timeout = [refusal(504, "timeout")] if number == late else []
        items = [{"id": str(name), "changeKey": "k", "subject": f"s{name}"} for name in names]
        graph.on(target, *faults, *timeout, page(*items, **links))


@MANY
@given(pages=PAGES, late=st.integers(0, 5))
async def test_a_query_gives_what_the_pages_hold(parts: Parts, pages: list[Any], late: int) -> None:
    script(parts.graph, "/me/messages?$top=100", pages, late, {})
    ids = [message.id async for message in parts.mail.messages(parts.enrol())]
    assert ids == [str(name) for _, names in pages for name in names]


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
