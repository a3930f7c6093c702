import asyncio
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import read_documents
from iacs.mail_query.retry_policy import RetryPolicy
from tests.mail_query.conftest import QUICK_RETRIES, Tokens
from tests.mail_query.scripted_graph import Reply, ScriptedGraph, page, refusal, scripted_graph

OK = page({"id": "1"})


async def ids(client: GraphClient, url: str, size: PageSize | None = None) -> list[str]:
    pages = PageReader(client, "a", read_documents, size=size or PageSize(1)).pages(url)
    return [item["id"] async for page in pages for item in page.items]


async def test_next_links_are_followed_as_they_came_through_empty_pages(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    odd = "/me/messages?$skiptoken=a%2fB%2B%3d%27%7e+c&%24top=2"
    graph.on("/me/messages?$top=2", page({"id": "1"}, next_link="{url}" + odd))
    graph.on(odd, page(next_link="{url}/me/messages?last"))
    graph.on("/me/messages?last", page({"id": "2"}))
    assert await ids(client, f"{graph.url}/me/messages?$top=2") == ["1", "2"]
    assert graph.targets == ["/me/messages?$top=2", odd, "/me/messages?last"]


async def test_preferences_and_ids_go_with_every_request(client: GraphClient, graph: ScriptedGraph) -> None:
    graph.on("/a", page(next_link="{url}/b"))
    graph.on("/b", refusal(503, "serviceNotAvailable", Retry_After="0"), OK)
    await ids(client, f"{graph.url}/a", PageSize.of_delta(50))
    assert {asked.headers["Prefer"] for asked in graph.asked} == {
        'IdType="ImmutableId", odata.maxpagesize=50'
    }
    assert {asked.headers["Authorization"] for asked in graph.asked} == {"Bearer token-1"}
    assert len({asked.headers["client-request-id"] for asked in graph.asked}) == 3


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/me/messages",
        "{scheme}://{host}:{port}@evil.example/",
        "{scheme}://{host}:{other}/v1.0/me",
        "https://{host}:{port}/v1.0/me",
        "{scheme}://{host}:{port}\\@evil.example/",
        "{scheme}://user@{host}:{port}/v1.0/me",
        "{url}/me messages",
        "//evil.example/v1.0",
        "/v1.0/me/messages",
        "{url}/me\r\nX: y",
        "{scheme}://{host}:port/",
    ],
)
async def test_a_link_to_another_origin_gets_neither_request_nor_token(
    client: GraphClient, graph: ScriptedGraph, link: str
) -> None:
    port = int(graph.url.split(":")[2].split("/")[0])
    foreign = link.format(url=graph.url, scheme="http", host="127.0.0.1", port=port, other=port + 1)
    graph.on("/a", page({"id": "1"}, next_link=foreign))
    with pytest.raises(MalformedResponseError, match="does not lead to GRAPH_URL"):
        await ids(client, f"{graph.url}/a")
    assert graph.targets == ["/a"]


async def test_a_response_that_is_too_large_is_not_requested_again(
    graph: ScriptedGraph, tokens: Tokens, logger: Logger
) -> None:
    graph.on("/a", page({"id": "1" * 1000}))
    async with HttpClient(max_response_bytes=1000) as http:
        client = GraphClient(
            http, tokens, graph_url=graph.url, concurrency=2, retry_policy=QUICK_RETRIES, logger=logger
        )
        with pytest.raises(MalformedResponseError, match="larger than 1000 bytes"):
            await ids(client, f"{graph.url}/a")
    assert graph.targets == ["/a"]


BROKEN = {
    "an empty body": Reply(body=b""),
    "no content": Reply(status=204),
    "a body that is cut off": Reply(body=b'{"value":[{"id":"1"},{"i'),
    "an error with the status of success": refusal(200, "ServerBusy"),
    "a web page": Reply(body=b"<html>Busy</html>", headers={"Content-Type": "text/html"}),
    "408": refusal(408, "ErrorTimeout"),
    "423": refusal(423, "resourceLocked"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_is_broken_once_is_requested_again(
    client: GraphClient, graph: ScriptedGraph, broken: Reply
) -> None:
    graph.on("/a", broken, broken, OK)
    assert await ids(client, f"{graph.url}/a") == ["1"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(body=b"<html>Log in</html>"), "a web page came in place"),
        (
            Reply(status=302, headers={"Location": "https://portal.example/?code=s3cret"}),
            r"a redirect to portal\.example",
        ),
        (Reply(status=511, body=b"<html>"), "the network asks for a login"),
    ],
)
async def test_a_login_page_of_the_network_is_called_that(
    client: GraphClient, graph: ScriptedGraph, reply: Reply, message: str
) -> None:
    graph.on("/a", reply)
    with pytest.raises(APIConnectionError, match=message) as caught:
        await ids(client, f"{graph.url}/a")
    assert "log in to" in caught.value.hint
    assert "s3cret" not in caught.value.message_with_hint


@pytest.mark.parametrize("status", [500, 502, 504, None])
async def test_a_page_that_graph_cannot_serve_is_requested_smaller_and_grows_again(
    client: GraphClient, graph: ScriptedGraph, status: int | None
) -> None:
    failure = Reply(drop=True) if status is None else refusal(status, "UnknownError")
    graph.on("/a?$top=64", failure)
    graph.on("/a?$top=16", failure)
    graph.on(
        "/a?$top=4", page(*({"id": str(number)} for number in range(4)), next_link="{url}/a?$top=4&$skip=4")
    )
    for skip in range(4, 16, 4):
        items = [{"id": str(number)} for number in range(skip, skip + 4)]
        graph.on(f"/a?$top=4&$skip={skip}", page(*items, next_link=f"{{url}}/a?$top=4&$skip={skip + 4}"))
    graph.on("/a?$top=16&$skip=16", page({"id": "16"}))
    assert await ids(client, f"{graph.url}/a?$top=64", PageSize(64)) == [str(number) for number in range(17)]


async def test_a_page_that_graph_cannot_serve_even_with_one_message_is_an_error(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    graph.on("/a", refusal(504, "UnknownError"))
    with pytest.raises(GraphError) as caught:
        await ids(client, f"{graph.url}/a?$top=1", PageSize(1))
    assert caught.value.status == 504
    assert len(graph.asked) == QUICK_RETRIES.attempts


async def test_a_response_that_is_too_large_is_requested_smaller(
    graph: ScriptedGraph, tokens: Tokens, logger: Logger
) -> None:
    graph.on("/a?$top=8", page({"id": "1" * 2000}))
    graph.on("/a?$top=2", page({"id": "1"}))
    async with HttpClient(max_response_bytes=1000) as http:
        client = GraphClient(
            http, tokens, graph_url=graph.url, concurrency=2, retry_policy=QUICK_RETRIES, logger=logger
        )
        assert await ids(client, f"{graph.url}/a?$top=8", PageSize(8)) == ["1"]
    assert graph.targets == ["/a?$top=8", "/a?$top=2"]


async def test_a_page_of_large_messages_is_not_parsed_but_requested_smaller(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    large = {"id": "large", "body": "x" * 6_000_000}
    graph.on("/a?$top=8", page(large, large, large))
    graph.on("/a?$top=2", page(large))
    assert await ids(client, f"{graph.url}/a?$top=8", PageSize(8)) == ["large"]
    graph.on("/b", page(large, large, large))  # cannot be requested smaller
    assert await ids(client, f"{graph.url}/b", PageSize(8)) == ["large"] * 3


async def test_a_redirect_is_not_followed(client: GraphClient, graph: ScriptedGraph) -> None:
    async with scripted_graph() as elsewhere:
        elsewhere.on("/a", OK)
        graph.on("/a", Reply({}, status=307, headers={"Location": f"{elsewhere.url}/a"}))
        with pytest.raises(GraphError):
            await ids(client, f"{graph.url}/a")
        assert elsewhere.asked == []


async def test_a_page_that_names_itself_is_an_error_and_no_endless_loop(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    graph.on("/a", page({"id": "1"}, next_link="{url}/a"))
    with pytest.raises(MalformedResponseError, match="lead back to an earlier one"):
        await ids(client, f"{graph.url}/a")


async def test_a_refused_token_is_rejected_and_the_request_repeated_once(
    client: GraphClient, graph: ScriptedGraph, tokens: Tokens
) -> None:
    graph.on("/a", refusal(401, "InvalidAuthenticationToken"), OK)
    assert await ids(client, f"{graph.url}/a") == ["1"]
    assert tokens.rejected == [("a", "token-1", "")]
    assert graph.asked[1].headers["Authorization"] == "Bearer token-2"


async def test_a_token_refused_twice_is_an_error(
    client: GraphClient, graph: ScriptedGraph, tokens: Tokens
) -> None:
    graph.on("/a", refusal(401, "InvalidAuthenticationToken"))
    with pytest.raises(GraphError, match="sign in again") as caught:
        await ids(client, f"{graph.url}/a")
    assert (caught.value.status, caught.value.graph_code) == (401, "InvalidAuthenticationToken")
    assert len(graph.asked) == 2
    assert len(tokens.rejected) == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("padding", ["", "="])
async def test_a_claims_challenge_is_handed_to_the_tokens(
    client: GraphClient, graph: ScriptedGraph, tokens: Tokens, status: int, padding: str
) -> None:
    claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
    encoded = b64encode(claims.encode()).decode().rstrip("=") + padding
    challenge = f'Bearer realm="", claims="{encoded}", error="insufficient_claims"'
    graph.on("/a", refusal(status, "InvalidAuthenticationToken", WWW_Authenticate=challenge), OK)
    assert await ids(client, f"{graph.url}/a") == ["1"]
    assert tokens.rejected == [("a", "token-1", claims)]


@pytest.mark.parametrize("claims", ["!", "bm90IGpzb24", "/w==", ""])
async def test_a_challenge_that_cannot_be_read_renews_the_token_without_claims(
    client: GraphClient, graph: ScriptedGraph, tokens: Tokens, claims: str
) -> None:
    challenge = f'Bearer error="insufficient_claims", claims="{claims}"'
    graph.on("/a", refusal(401, "InvalidAuthenticationToken", WWW_Authenticate=challenge), OK)
    assert await ids(client, f"{graph.url}/a") == ["1"]
    assert tokens.rejected == [("a", "token-1", "")]


async def test_forbidden_without_a_challenge_is_final(
    client: GraphClient, graph: ScriptedGraph, tokens: Tokens
) -> None:
    graph.on("/a", refusal(403, "ErrorAccessDenied"))
    with pytest.raises(GraphError, match=r"Mail\.Read"):
        await ids(client, f"{graph.url}/a")
    assert (len(graph.asked), tokens.rejected) == (1, [])


@pytest.mark.parametrize(("status", "seconds"), [(429, "1"), (503, "0.2"), (504, "0.2")])
async def test_retry_after_is_waited_for(
    client: GraphClient, graph: ScriptedGraph, status: int, seconds: str
) -> None:
    graph.on("/a", refusal(status, "TooManyRequests", Retry_After=seconds), OK)
    began = time.monotonic()
    assert await ids(client, f"{graph.url}/a") == ["1"]
    assert time.monotonic() - began >= float(seconds)


async def test_retry_after_may_be_a_date(client: GraphClient, graph: ScriptedGraph) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    graph.on("/a", refusal(429, "TooManyRequests", Retry_After=format_datetime(moment, usegmt=True)))
    with pytest.raises(GraphError) as caught:
        await ids(client, f"{graph.url}/a")
    assert caught.value.retry_after == pytest.approx(60, abs=2)


async def test_a_wait_beyond_the_deadline_is_an_error_at_once(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    graph.on("/a", refusal(429, "TooManyRequests", Retry_After="3600"))
    with pytest.raises(GraphError, match="throttles requests") as caught:
        await asyncio.wait_for(ids(client, f"{graph.url}/a"), 2)
    assert caught.value.retry_after == 3600
    assert len(graph.asked) == 1


async def test_a_mailbox_that_has_to_wait_sends_nothing_in_any_task(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    graph.on("/a", refusal(429, "TooManyRequests", Retry_After="3600"))
    graph.on("/b", OK)
    for path in ("a", "b"):
        with pytest.raises(GraphError, match=r"wait (3600|3599) seconds, until 20\d\d-\d\d-\d\dT"):
            await ids(client, f"{graph.url}/{path}")
    assert graph.targets == ["/a"]


@pytest.mark.parametrize("text", ["99999999999", "9" * 400])
async def test_an_absurd_wait_is_not_taken_for_none(
    client: GraphClient, graph: ScriptedGraph, text: str
) -> None:
    graph.on("/a", refusal(429, "TooManyRequests", Retry_After=text))
    with pytest.raises(GraphError, match="wait"):
        await ids(client, f"{graph.url}/a")
    assert graph.targets == ["/a"]


async def test_too_many_requests_at_a_time_wait_for_one_to_finish(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    asked, finish = asyncio.Event(), asyncio.Event()
    busy = Reply(
        {"error": {"code": "ApplicationThrottled", "message": "Over its MailboxConcurrency limit."}},
        status=429,
        headers={"Retry-After": "4"},
        asked=asked,
    )
    graph.on("/slow", Reply({"value": []}, until=finish))
    graph.on("/a", busy, OK)
    slow = asyncio.create_task(ids(client, f"{graph.url}/slow"))
    quick = asyncio.create_task(ids(client, f"{graph.url}/a"))
    await asyncio.wait_for(asked.wait(), 10)
    assert not quick.done()
    finish.set()
    assert await asyncio.wait_for(slow, 10) == []
    async with asyncio.timeout(3):  # less than it was asked to wait
        assert await quick == ["1"]


async def test_a_permanent_error_ends_the_attempts_and_is_reported_in_full(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    inner = {"code": "MailboxConcurrency", "request-id": "r-9", "innererror": {"date": "2026"}}
    document = {"error": {"code": "TooManyRequests", "message": "x", "innerError": inner}}
    graph.on("/a", Reply(document, status=429))
    with pytest.raises(GraphError, match="r-9") as caught:
        await ids(client, f"{graph.url}/a")
    assert (caught.value.graph_code, caught.value.request_id) == ("MailboxConcurrency", "r-9")
    assert len(graph.asked) == QUICK_RETRIES.attempts


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"[]", b'{"error":"x"}', b'{"error":{"code":7}}', b"[" * 9999]
)
async def test_an_error_without_graphs_json_is_still_an_error(
    client: GraphClient, graph: ScriptedGraph, body: bytes
) -> None:
    graph.on("/a", Reply(body=body, status=418, headers={"request-id": "r-2"}))
    with pytest.raises(GraphError) as caught:
        await ids(client, f"{graph.url}/a")
    assert (caught.value.graph_code, caught.value.request_id) == ("HTTP 418", "r-2")


async def test_a_dropped_connection_is_tried_again(client: GraphClient, graph: ScriptedGraph) -> None:
    graph.on("/a", Reply(drop=True), Reply(drop=True), OK)
    assert await ids(client, f"{graph.url}/a") == ["1"]


async def test_a_connection_that_is_always_dropped_is_an_error(
    client: GraphClient, graph: ScriptedGraph
) -> None:
    graph.on("/a", Reply(drop=True))
    with pytest.raises(APIConnectionError):
        await ids(client, f"{graph.url}/a")
    assert len(graph.asked) >= QUICK_RETRIES.attempts


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"value":7}', b'{"value":[', b'{"value":[]}\xff']
)
async def test_a_page_that_is_none_is_malformed(
    client: GraphClient, graph: ScriptedGraph, body: bytes
) -> None:
    graph.on("/a", Reply(body=body))
    with pytest.raises(MalformedResponseError):
        await ids(client, f"{graph.url}/a")


async def test_one_account_has_no_more_requests_at_a_time_than_allowed(
    graph: ScriptedGraph, tokens: Tokens, logger: Logger
) -> None:
    running, most = 0, 0

    class Counting(HttpClient):
        async def send(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            return await super().send(*args, **kwargs)  # type: ignore[arg-type]

    graph.on("/a", OK)
    async with Counting() as http:
        client = GraphClient(
            http, tokens, graph_url=graph.url, concurrency=2, retry_policy=RetryPolicy(), logger=logger
        )
        await asyncio.gather(*(client.get("a", f"{graph.url}/a", bytes) for _ in range(6)))
        assert most == 2
        await asyncio.gather(*(client.get(str(number), f"{graph.url}/a", bytes) for number in range(6)))
        assert most == 6


def test_the_gates_of_one_event_loop_do_not_hold_up_another(tokens: Tokens, logger: Logger) -> None:
    http = HttpClient()
    client = GraphClient(
        http,
        tokens,
        graph_url="http://127.0.0.1:9/v1.0",
        concurrency=1,
        retry_policy=RetryPolicy(1),
        logger=logger,
    )

    async def twice() -> None:
        results = await asyncio.gather(
            *(client.get("a", "http://127.0.0.1:9/v1.0/a", bytes) for _ in range(2)), return_exceptions=True
        )
        assert [type(result) for result in results] == [APIConnectionError] * 2
        await http.aclose()

    asyncio.run(twice())
    asyncio.run(twice())
