"""Syncs of some folders, of mail since a date, and with events for new mail alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from iacs.core.exceptions import MailQueryError
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import Reply, page, refusal


def folder(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "displayName": name.upper(), "childFolderCount": 0} | fields


def message(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "changeKey": "k", "subject": "s"} | fields


@pytest.fixture
def mailbox(parts: Parts) -> str:
    """A mailbox of two folders with one message each."""
    parts.graph.on("/me/mailFolders", page(folder("a"), folder("b")))
    for name in "ab":
        link = {"delta_link": f"{{url}}/later{name}"}
        parts.graph.on(f"/me/mailFolders/{name}/messages/delta", page(message(name), **link))
        parts.graph.on(f"/later{name}", page(**link))
    return parts.enrol()


async def stored(parts: Parts, mailbox: str) -> set[str | None]:
    return {message.id async for message in parts.mail.stored(mailbox)}


async def announced(parts: Parts) -> list[str]:
    events = parts.events.consume("mail", idle_timeout=0.0)
    return [event.value["message_id"] async for event in events]


@pytest.mark.parametrize("name", ["b", "B", "drafts"])
async def test_a_sync_of_one_folder_leaves_the_others_as_they_are(
    parts: Parts, mailbox: str, name: str
) -> None:
    parts.graph.on("/me/mailFolders/drafts", Reply(folder("b")))
    result = await parts.mail.sync(mailbox, folders=[name])
    assert ([each.id for each in result.folder_results], result.new) == (["b"], 1)
    assert await stored(parts, mailbox) == {"b"}
    await parts.mail.sync(mailbox)
    assert (await parts.mail.sync(mailbox, folders=["a"])).removed == 0
    assert await stored(parts, mailbox) == {"a", "b"}


async def test_a_folder_that_does_not_exist_is_an_error(parts: Parts, mailbox: str) -> None:
    with pytest.raises(MailQueryError, match="no folder 'elsewhere'"):
        await parts.mail.sync(mailbox, folders=["elsewhere"])


async def test_mail_before_a_date_is_not_requested_and_that_stays_so(parts: Parts, mailbox: str) -> None:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    await parts.mail.sync(mailbox, folders=["a"], since=since)
    parts.graph.on("/latera", refusal(410, "syncStateNotFound"))
    await parts.mail.sync(mailbox)
    asked = [unquote(target) for target in parts.graph.targets if "/messages/delta" in target]
    filtered = "/me/mailFolders/a/messages/delta?$filter=receivedDateTime ge 2026-11-01T00:00:00.000000Z"
    assert sorted(asked) == [filtered, filtered, "/me/mailFolders/b/messages/delta"]


async def test_a_date_without_a_time_zone_is_refused(parts: Parts, mailbox: str) -> None:
    with pytest.raises(MailQueryError, match="time zone"):
        await parts.mail.sync(mailbox, since=datetime(2026, 11, 1))  # noqa: DTZ001 - that is the mistake


async def test_only_new_mail_is_announced_if_that_is_asked_for(parts: Parts, mailbox: str) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    old = [message("1", receivedDateTime="2026-11-20T08:00:00Z"), message("2", receivedDateTime=later)]
    link = {"delta_link": "{url}/latera"}
    parts.graph.on("/me/mailFolders", page(folder("a")))
    parts.graph.on("/me/mailFolders/a/messages/delta", page(*old, **link))
    assert (await parts.mail.sync(mailbox, announce="new")).new == 2
    assert await announced(parts) == ["2"]
    parts.graph.on("/latera", page(message("3", receivedDateTime=later), message("4"), **link))
    await parts.mail.sync(mailbox, announce="new")
    assert await announced(parts) == ["2", "3", "4"]


async def test_coverage_has_every_folder_with_its_numbers(parts: Parts, mailbox: str) -> None:
    broken = message("2", isRead="perhaps")
    parts.graph.on("/me/mailFolders/a/messages/delta", page(message("1"), broken, delta_link="{url}/latera"))
    await parts.mail.sync(mailbox, folders=["a"])
    search = folder("s", **{"@odata.type": "#microsoft.graph.mailSearchFolder"})
    parts.graph.on(
        "/me/mailFolders?$top=100&includeHiddenFolders=true",
        page(folder("a", totalItemCount=3), folder("b"), folder("h", isHidden=True), search, {"x": 1}),
    )
    coverage = await parts.mail.coverage(mailbox)
    covered = {
        each.id: (each.state, each.in_graph, each.stored, each.unreadable) for each in coverage.folders
    }
    assert covered == {
        "a": ("synced", 3, 2, 1),
        "b": ("pending", None, 0, 0),
        "h": ("hidden", None, 0, 0),
        "s": ("search", None, 0, 0),
    }
    assert coverage.recoverable is None
    assert len(coverage.unlisted) == 1
