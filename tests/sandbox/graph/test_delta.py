"""Changes of a folder: rounds, restarts, resets."""

from typing import Any

import aiohttp
import pytest

from iacs.sandbox import Sandbox
from tests.fixtures.cloud import SAMPLES

from .conftest import Ask, sign_in

ALICE = "alice@contoso.example"
INBOX = "/me/mailFolders/inbox/messages/delta"


async def round_of(ask: Ask, link: str, **headers: str) -> tuple[list[dict[str, Any]], str, list[int]]:
    """Walk one round: its items, its deltaLink and the sizes of its pages."""
    items, sizes = [], []
    while True:
        status, body, _ = await ask(link, **headers)
        assert status == 200, body
        items += body["value"]
        sizes.append(len(body["value"]))
        if "@odata.deltaLink" in body:
            return items, body["@odata.deltaLink"], sizes
        link = body["@odata.nextLink"]


@pytest.mark.parametrize(
    "path", [INBOX, f"{INBOX}()", "/me/mailFolders('inbox')/messages/microsoft.graph.delta()"]
)
async def test_a_first_round_gives_everything_and_the_next_nothing(ask: Ask, path: str) -> None:
    items, link, sizes = await round_of(ask, f"{path}?$select=subject", Prefer="odata.maxpagesize=5")
    assert sizes == [5, 5, 2]
    assert len({item["id"] for item in items}) == 12
    assert set(items[0]) == {"@odata.etag", "id", "subject"}
    assert (await round_of(ask, link))[0] == []


async def test_a_round_may_hold_empty_pages(cloud: Sandbox, ask: Ask) -> None:
    cloud.behaviour.empty_pages = True
    items, link, sizes = await round_of(ask, INBOX, Prefer="odata.maxpagesize=5")
    assert sizes == [5, 0, 5, 0, 2]
    assert len(items) == 12
    assert (await round_of(ask, link))[0] == []


async def test_changes_are_reported_once(cloud: Sandbox, ask: Ask) -> None:
    first, link, _ = await round_of(ask, INBOX)
    mailbox = cloud.mailbox(ALICE)
    added = mailbox.add(b"Subject: new\n\n")
    mailbox.change(first[0]["id"], isRead=False)
    mailbox.remove(first[1]["id"])
    mailbox.move(first[2]["id"], "archive")
    mailbox.change(added.mutable_id, isRead=True)
    items, link, _ = await round_of(ask, link)
    by_id = {item["id"]: item for item in items}
    assert len(items) == len(by_id)
    assert by_id.keys() == {added.mutable_id, first[0]["id"], first[1]["id"], first[2]["id"]}
    assert by_id[first[0]["id"]]["isRead"] is False
    assert [key for key, item in by_id.items() if "@removed" in item] == [first[1]["id"], first[2]["id"]]
    assert (await round_of(ask, link))[0] == []
    archived, _, _ = await round_of(ask, "/me/mailFolders/archive/messages/delta")
    assert [item["internetMessageId"] for item in archived] == [first[2]["internetMessageId"]]
    assert archived[0]["id"] != first[2]["id"]


async def test_what_changes_during_a_round_is_not_lost(cloud: Sandbox, ask: Ask) -> None:
    _, body, _ = await ask(INBOX, Prefer="odata.maxpagesize=5")
    mailbox = cloud.mailbox(ALICE)
    mailbox.remove(body["value"][0]["id"])
    late = mailbox.add(b"Subject: late\n\n")
    items, _, _ = await round_of(ask, body["@odata.nextLink"])
    removed = [item["id"] for item in items if "@removed" in item]
    assert removed == [body["value"][0]["id"]]
    assert late.mutable_id in {item["id"] for item in items}


async def test_only_the_requested_kind_of_change_is_reported(cloud: Sandbox, ask: Ask) -> None:
    first, link, _ = await round_of(ask, f"{INBOX}?changeType=deleted")
    assert first == []
    gone, changed, *_ = cloud.mailbox(ALICE).messages
    cloud.mailbox(ALICE).change(changed.mutable_id, isRead=True)
    cloud.mailbox(ALICE).remove(gone.mutable_id)
    items, _, _ = await round_of(ask, link)
    assert [item["id"] for item in items] == [gone.mutable_id]


async def test_a_round_may_begin_at_a_date(ask: Ask) -> None:
    items, _, _ = await round_of(ask, f"{INBOX}?$filter=receivedDateTime ge 2026-09-10T00:00:00Z")
    assert len(items) == 3
    assert (await ask(f"{INBOX}?$filter=isRead eq true"))[0] == 400
    assert (await ask(f"{INBOX}?$search=x"))[0] == 400


async def test_a_restart_over_the_same_files_goes_on_with_an_old_link() -> None:
    async def changes(sandbox: Sandbox, link: str) -> tuple[int, Any, Any]:
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {await sign_in(sandbox, session, ALICE)}"}
            async with session.get(f"{sandbox.graph_url}{link}", headers=headers) as answer:
                return answer.status, await answer.json(), answer.headers.get("Location")

    async with Sandbox(SAMPLES) as before:
        _, body, _ = await changes(before, f"{INBOX}?$top=100")
        link = body["@odata.deltaLink"].partition("/v1.0")[2]
        ids = [item["id"] for item in body["value"]]
        before.mailbox(ALICE).add(b"Subject: gone with the restart\n\n")
        lost = (await changes(before, link))[1]["@odata.deltaLink"].partition("/v1.0")[2]
    async with Sandbox(SAMPLES) as after:
        status, body, _ = await changes(after, link)
        assert (status, body["value"]) == (200, [])
        after.mailbox(ALICE).add(b"Subject: later\n\n")
        assert [item["subject"] for item in (await changes(after, link))[1]["value"]] == ["later"]
        status, body, location = await changes(after, lost)
        assert (status, body["error"]["code"]) == (410, "SyncStateNotFound")
        again = (await changes(after, f"{location.partition('/v1.0')[2]}?$top=100"))[1]
        assert [item["id"] for item in again["value"]][:12] == ids


@pytest.mark.parametrize("token", ["made-up", "e30", "", "bnVsbA", "W10"])
async def test_an_unknown_token_is_gone(ask: Ask, token: str) -> None:
    status, _, answer = await ask(f"{INBOX}?$deltatoken={token}")
    assert status == 410
    assert answer.headers["Location"].endswith(INBOX)


async def test_the_token_of_another_folder_is_gone(ask: Ask) -> None:
    _, link, _ = await round_of(ask, "/me/mailFolders/archive/messages/delta")
    assert (await ask(link.replace("archive", "inbox")))[0] == 410
