"""What no sync covers: hidden folders, mail before a date, and how the health says so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from iacs.core.exceptions import DegradedError, EventError, GraphError
from iacs.mail_query import MailQueryService, folder_sync
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import Reply, page, refusal
from tests.mail_query.test_sync_options import folder, message, stored

END = {"delta_link": "{url}/later"}


@pytest.fixture
def mailbox(parts: Parts) -> str:
    """A mailbox with the folder a, the hidden folder h, and the folder i within that."""
    hidden = folder("h", isHidden=True, totalItemCount=3, childFolderCount=1)
    parts.graph.on("/me/mailFolders", page(folder("a", totalItemCount=1), hidden))
    parts.graph.on("/me/mailFolders/h/childFolders", page(folder("i", totalItemCount=4)))
    for name in "ahi":
        parts.graph.on(f"/me/mailFolders/{name}/messages/delta", page(message(name), **END))
    parts.graph.on("/later", page(**END))
    return parts.enrol()


def counts(probed: Any) -> tuple[int, int, int | None]:
    return probed["hidden_folders"], probed["hidden_messages"], probed.get("recoverable_messages")


async def test_health_counts_what_is_hidden_without_a_request(parts: Parts, mailbox: str) -> None:
    await parts.mail.sync(mailbox)
    assert await stored(parts, mailbox) == {"a"}
    parts.graph.asked.clear()
    assert counts(await parts.mail.probe()) == (2, 7, None)
    assert parts.graph.asked == []
    parts.graph.on("/me/mailFolders/recoverableitemsdeletions", Reply(folder("r", totalItemCount=9)))
    coverage = await parts.mail.coverage(mailbox)
    assert [each.state for each in coverage.folders] == ["synced", "hidden", "hidden"]
    assert counts(await parts.mail.probe()) == (2, 7, 9)


async def test_a_hidden_folder_is_synced_by_its_name_and_stays_stored(parts: Parts, mailbox: str) -> None:
    await parts.mail.sync(mailbox, folders=["I"])
    assert counts(await parts.mail.probe())[:2] == (1, 3)
    assert (await parts.mail.sync(mailbox)).removed == 0
    assert await stored(parts, mailbox) == {"a", "i"}


async def test_a_service_may_sync_every_hidden_folder(
    parts: Parts, mailbox: str, http: Any, tokens: Any, logger: Any
) -> None:
    mail = MailQueryService(
        parts.database,
        http,
        tokens,
        parts.people,
        parts.outbox,
        graph_url=parts.graph.url,
        topic="mail",
        hidden_folders=True,
        logger=logger,
    )
    assert (await mail.sync(mailbox)).new == 3
    assert counts(await mail.probe())[:2] == (0, 0)


async def test_hidden_folders_that_cannot_be_listed_do_not_fail_a_sync(parts: Parts, mailbox: str) -> None:
    parts.graph.on("/me/mailFolders/h/childFolders", refusal(403, "ErrorAccessDenied"))
    assert (await parts.mail.sync(mailbox)).failed == ()


async def test_lists_of_subfolders_are_read_side_by_side(parts: Parts, mailbox: str) -> None:
    names = [f"f{number}" for number in range(12)]
    parts.graph.on("/me/mailFolders", page(*(folder(name, childFolderCount=1) for name in names)))
    for name in names:
        parts.graph.on(f"/me/mailFolders/{name}/childFolders", page(folder(f"{name}-within")))
    found = [each.id for each in await parts.mail.folders(mailbox)]
    assert found == names + [f"{name}-within" for name in names]


async def test_a_folder_that_exceeds_graphs_filter_is_read_in_full(
    parts: Parts, mailbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(folder_sync, "MAX_FILTERED", 3)
    url = "/me/mailFolders/a/messages/delta"
    recent = [message(f"n{day}", receivedDateTime=f"2026-11-{day:02}T08:00:00Z") for day in range(1, 6)]
    old = message("old", receivedDateTime="2026-10-31T23:59:59Z")
    undated, gone = message("undated"), {"id": "gone", "@removed": {"reason": "deleted"}}
    parts.graph.on(url, page(*recent[:3], **END), page(old, *recent, undated, gone, **END))
    result = await parts.mail.sync(mailbox, folders=["a"], since=datetime(2026, 11, 1, tzinfo=UTC))
    assert await stored(parts, mailbox) == {"n1", "n2", "n3", "n4", "n5", "undated"}
    assert result.folder_results[0].since == "2026-11-01T00:00:00.000000Z"
    asked = [target for target in parts.graph.targets if "/messages/delta" in target]
    assert ["$filter" in target or "%24filter" in target for target in asked] == [True, False]
    parts.graph.on("/later", page(old, message("new", receivedDateTime="2026-11-20T08:00:00Z"), **END))
    assert (await parts.mail.sync(mailbox, folders=["a"])).new == 1
    events = [event.value["message_id"] async for event in parts.events.consume("mail", idle_timeout=0.0)]
    assert sorted(events) == ["n1", "n2", "n3", "n4", "n5", "new", "undated"]


async def test_counts_survive_events_that_cannot_be_published(
    parts: Parts, mailbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def relay() -> int:
        raise EventError("the broker is down")

    monkeypatch.setattr(parts.outbox, "relay", relay)
    with pytest.raises(EventError) as caught:
        await parts.mail.sync(mailbox)
    assert "1 new" in "".join(caught.value.__notes__)


async def test_a_failing_folder_is_degraded_before_anything_else(parts: Parts, mailbox: str) -> None:
    parts.graph.on("/me/mailFolders/a/messages/delta", refusal(403, "ErrorAccessDenied"))
    with pytest.raises(GraphError):
        await parts.mail.sync(mailbox)
    with pytest.raises(DegradedError, match="A; "):
        await parts.mail.probe()
