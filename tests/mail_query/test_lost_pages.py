"""Graph loses a page, a folder or a list half-way: nothing is taken for complete that is not."""

import asyncio
import traceback
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from iacs.core.exceptions import APIConnectionError, DegradedError, GraphError, MalformedResponseError
from iacs.mail_query import SyncProgress, link_trail
from tests.mail_query.conftest import QUICK_RETRIES, Parts
from tests.mail_query.scripted_graph import Reply, page, refusal

FOLDER = "/me/mailFolders/f"
DELTA = f"{FOLDER}/messages/delta"
END = {"delta_link": "{url}/later"}
NOT_FOUND = refusal(404, "ErrorItemNotFound")


def folder(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "displayName": name.upper(), "childFolderCount": 0} | fields


def message(name: str) -> dict[str, Any]:
    return {"id": name, "changeKey": "k", "subject": "s"}


@pytest.fixture
def mailbox(parts: Parts) -> str:
    """A mailbox of one folder."""
    parts.graph.on("/me/mailFolders", page(folder("f")))
    parts.graph.on(FOLDER, page())
    parts.graph.on("/later", page(**END))
    return parts.enrol()


async def stored(parts: Parts, mailbox: str) -> set[str | None]:
    return {message.id async for message in parts.mail.stored(mailbox)}


async def test_a_later_page_of_a_first_reading_that_is_missing_once_costs_no_message(
    parts: Parts, mailbox: str
) -> None:
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/more"))
    parts.graph.on("/more", NOT_FOUND, page(message("2"), **END))
    result = await parts.mail.sync(mailbox)
    assert (result.new, result.removed, result.published) == (2, 0, 2)
    assert await stored(parts, mailbox) == {"1", "2"}


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_later_page_that_stays_missing_is_an_error_that_names_the_folder(
    parts: Parts, mailbox: str, status: int
) -> None:
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/more"))
    parts.graph.on("/more", refusal(status, "ErrorItemNotFound"))
    with pytest.raises(GraphError, match="mail folder F: ") as caught:
        await parts.mail.sync(mailbox)
    assert caught.value.status == status
    parts.graph.on("/more", page(message("2"), **END))
    assert (await parts.mail.sync(mailbox)).new == 1
    assert await stored(parts, mailbox) == {"1", "2"}


async def test_a_later_page_that_is_missing_says_nothing_of_its_folder(parts: Parts, mailbox: str) -> None:
    parts.graph.on(FOLDER, NOT_FOUND)
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/more"))
    parts.graph.on("/more", NOT_FOUND)
    with pytest.raises(GraphError, match="mail folder F: "):
        await parts.mail.sync(mailbox)


async def test_a_first_page_that_is_missing_once_is_requested_again(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, NOT_FOUND, page(message("1"), **END))
    assert (await parts.mail.sync(mailbox)).new == 1


async def test_a_first_page_that_stays_missing_is_an_error_while_its_folder_is_there(
    parts: Parts, mailbox: str
) -> None:
    parts.graph.on(DELTA, NOT_FOUND)
    with pytest.raises(GraphError, match="mail folder F: "):
        await parts.mail.sync(mailbox)


async def test_changes_of_a_folder_that_are_missing_start_it_again(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, page(message("1"), **END), page(message("1"), next_link="{url}/more"))
    await parts.mail.sync(mailbox)
    parts.graph.on("/later", NOT_FOUND, page(**END))
    parts.graph.on("/more", NOT_FOUND, page(message("2"), **END))
    assert (await parts.mail.sync(mailbox)).new == 1
    assert await stored(parts, mailbox) == {"1", "2"}


async def test_a_later_page_of_a_query_that_is_missing_is_an_error(parts: Parts, mailbox: str) -> None:
    parts.graph.on("/me/messages", page(message("1"), next_link="{url}/more"))
    parts.graph.on("/more", NOT_FOUND)
    messages = parts.mail.messages(mailbox)
    assert (await anext(messages)).id == "1"
    with pytest.raises(GraphError, match="a later page") as caught:
        await anext(messages)
    assert caught.value.status == 404


@pytest.mark.parametrize("lost", ["/folders2", "/me/mailFolders/f/childFolders"])
async def test_a_list_of_folders_that_loses_a_part_is_read_anew(
    parts: Parts, mailbox: str, lost: str
) -> None:
    parts.graph.on("/me/mailFolders", page(folder("f", childFolderCount=1), next_link="{url}/folders2"))
    parts.graph.on("/folders2", page(folder("g")))
    parts.graph.on("/me/mailFolders/f/childFolders", page(folder("h")))
    part = parts.graph.replies(lost)
    parts.graph.on(lost, NOT_FOUND, *part)
    assert [item.id for item in await parts.mail.folders(mailbox)] == ["f", "g", "h"]
    parts.graph.on(lost, NOT_FOUND)
    with pytest.raises(GraphError):
        await parts.mail.folders(mailbox)


async def test_a_list_of_folders_that_loses_a_part_removes_no_message(parts: Parts, mailbox: str) -> None:
    parts.graph.on("/me/mailFolders", page(folder("g"), next_link="{url}/folders2"))
    parts.graph.on("/folders2", page(folder("f")), NOT_FOUND)
    parts.graph.on(DELTA, page(message("1"), **END))
    parts.graph.on("/me/mailFolders/g/messages/delta", page(**END))
    await parts.mail.sync(mailbox)
    with pytest.raises(GraphError):
        await parts.mail.sync(mailbox)
    assert await stored(parts, mailbox) == {"1"}


async def test_pages_of_changes_in_a_circle_are_an_error_and_the_next_sync_starts_anew(
    parts: Parts, mailbox: str
) -> None:
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/a"))
    parts.graph.on("/a", page(message("2"), next_link="{url}/b"))
    parts.graph.on("/b", page(message("3"), next_link="{url}/a"))
    with pytest.raises(MalformedResponseError, match="lead back"):
        await parts.mail.sync(mailbox)
    assert len(parts.graph.asked) < 8
    parts.graph.on("/b", page(message("4"), **END))
    result = await parts.mail.sync(mailbox)
    assert (result.new, result.removed) == (1, 1)
    assert await stored(parts, mailbox) == {"1", "2", "4"}


def delta(name: str) -> str:
    return f"/me/mailFolders/{name}/messages/delta"


@pytest.mark.parametrize("status", [400, 403, 500, 503, 504, None])
async def test_a_folder_that_fails_does_not_stop_the_others(
    parts: Parts, mailbox: str, status: int | None
) -> None:
    failure = Reply(body=b"{") if status is None else refusal(status, "x")
    parts.graph.on("/me/mailFolders", page(folder("a"), folder("broken"), folder("f")))
    parts.graph.on(delta("a"), page(message("1"), **END))
    parts.graph.on(delta("broken"), failure)
    parts.graph.on(DELTA, page(message("2"), **END))
    result = await parts.mail.sync(mailbox)
    assert [(each.name, each.state) for each in result.folder_results] == [
        ("A", "synced"),
        ("BROKEN", "failed"),
        ("F", "synced"),
    ]
    [failed] = result.failed
    assert failed.problem
    assert await stored(parts, mailbox) == {"1", "2"}
    events = [event async for event in parts.events.consume("mail", idle_timeout=0.0)]
    assert {event.value["message_id"] for event in events} == {"1", "2"}
    with pytest.raises(DegradedError, match="BROKEN"):
        await parts.mail.probe()
    parts.graph.on(delta("broken"), page(message("3"), **END))
    again = await parts.mail.sync(mailbox)
    assert (again.new, again.failed) == (1, ())
    await parts.mail.probe()


async def test_half_of_the_folders_failing_does_not_stop_the_other_half(parts: Parts, mailbox: str) -> None:
    names = [f"f{number}" for number in range(12)]
    parts.graph.on("/me/mailFolders", page(*map(folder, names)))
    for number, name in enumerate(names):
        good = page(message(name), delta_link=f"{{url}}/later{name}")
        parts.graph.on(delta(name), refusal(500, "x") if number < 6 else good)
    result = await parts.mail.sync(mailbox)
    assert [failed.id for failed in result.failed] == names[:6]
    assert await stored(parts, mailbox) == set(names[6:])


async def test_graph_being_down_is_not_repeated_folder_by_folder(parts: Parts, mailbox: str) -> None:
    names = [f"f{number}" for number in range(20)]
    parts.graph.on("/me/mailFolders", page(*map(folder, names)))
    for name in names:
        parts.graph.on(delta(name), refusal(503, "x"))
    with pytest.raises(GraphError, match=r"could not sync the mail folder F\d, F\d, F\d and 17 more: "):
        await parts.mail.sync(mailbox)
    asked = [target for target in parts.graph.targets if target.endswith("/delta")]
    # the first ones, four at a time, and the others once
    assert len(asked) <= 7 * QUICK_RETRIES.attempts + 13


@pytest.mark.parametrize(
    "failure",
    [
        refusal(401, "InvalidAuthenticationToken"),
        refusal(429, "TooManyRequests", Retry_After="3600"),
        Reply(status=302, headers={"Location": "https://portal.example/"}),
        Reply(body=b"<html>"),
    ],
)
async def test_what_concerns_the_whole_mailbox_ends_its_sync_at_once(
    parts: Parts, mailbox: str, failure: Reply
) -> None:
    names = [f"f{number}" for number in range(20)]
    parts.graph.on("/me/mailFolders", page(*map(folder, names)))
    parts.graph.on(delta("f0"), page(message("1"), **END))
    for name in names[1:]:
        parts.graph.on(delta(name), failure)
    steps: list[SyncProgress] = []
    with pytest.raises(APIConnectionError) as caught:
        await parts.mail.sync(mailbox, on_progress=steps.append)
    assert len({target for target in parts.graph.targets if target.endswith("/delta")}) < 10
    stored_before = await parts.mail.count(mailbox)
    assert steps[-1].new == stored_before
    assert f"{stored_before} new" in "".join(caught.value.__notes__)


async def test_folders_are_read_side_by_side(parts: Parts, mailbox: str) -> None:
    names, all_asked = [f"f{number}" for number in range(4)], [asyncio.Event() for _ in range(4)]
    go_on = asyncio.Event()
    parts.graph.on("/me/mailFolders", page(*map(folder, names)))
    for name, asked in zip(names, all_asked, strict=True):
        parts.graph.on(delta(name), replace(page(message(name), **END), asked=asked, until=go_on))
    sync = asyncio.create_task(parts.mail.sync(mailbox))
    for asked in all_asked:
        await asyncio.wait_for(asked.wait(), 10)
    go_on.set()
    assert (await sync).new == 4


async def test_an_error_never_quotes_the_access_token(parts: Parts, mailbox: str) -> None:
    answer = refusal(403, "ErrorAccessDenied")
    answer.document["error"]["message"] = "Authorization: Bearer token-1 (token-1)"
    parts.graph.on("/me/mailFolders", answer)
    with pytest.raises(GraphError) as caught:
        await parts.mail.sync(mailbox)
    assert "token-1" not in repr(caught.value) + caught.value.message_with_hint


async def test_an_error_never_quotes_the_access_token_wherever_the_answer_has_it(
    parts: Parts, mailbox: str
) -> None:
    answer = refusal(403, "Bearer token-1")
    answer.document["error"] |= {
        "message": f"Authorization%3A%20Bearer%20token-1, {b64encode(b'Bearer token-1').decode()}",
        "innerError": {"code": "token-1", "request-id": "token-1"},
    }
    parts.graph.on("/me/mailFolders", answer)
    with pytest.raises(GraphError) as caught:
        await parts.mail.sync(mailbox)
    error = caught.value
    assert error.graph_code == error.request_id == "[redacted]"
    text = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert "token-1" not in text
    assert b64encode(b"Bearer token-1")[9:-4].decode() not in text


async def test_pages_of_changes_without_end_are_an_error_and_the_next_sync_starts_anew(
    parts: Parts, mailbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_trail, "MIN_PATIENCE", 20)
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/endless"))
    number = 0

    def endless(request: web.Request) -> Reply | None:
        nonlocal number
        number += 1
        return page(next_link=f"{{url}}/endless?{number}") if "endless" in request.path else None

    parts.graph.handler = endless
    with pytest.raises(MalformedResponseError, match="mail folder F: the last 21 pages") as caught:
        await parts.mail.sync(mailbox)
    assert "1 new" in "".join(caught.value.__notes__)
    parts.graph.handler = None
    parts.graph.on(DELTA, page(message("1"), **END))
    assert (await parts.mail.sync(mailbox)).folder_results[0].state == "synced"
