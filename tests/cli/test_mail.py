"""Mail by command, against the stand-in."""

import asyncio
import json
from asyncio import to_thread
from collections.abc import Callable
from typing import Any

import pytest

from iacs.cli.sync import Turn
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.sandbox import Sandbox
from tests.cli.conftest import ALICE, BOB, CAROL, Iacs, SignIn, on_terminal, run_process

Document = dict[str, Any]

HOSTILE = """\
From: "=?utf-8?q?Mallory=1B[2J?=" <mallory@fabrikam.example>
Subject: =?utf-8?q?=1B]0;owned=07=1B[31m[red]sale[/red]=E2=80=AEexe?=
Date: Sun, 01 Nov 2026 10:00:00 +0000
Message-ID: <hostile@fabrikam.example>

Look here.
"""


@pytest.fixture
async def alice(sign_in: SignIn) -> None:
    await sign_in(ALICE)


@pytest.mark.usefixtures("alice")
async def test_a_query_shows_every_message_and_what_is_missing_as_missing(
    iacs: Iacs, at_cloud: Sandbox
) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE)
    assert (ran.code, ran.err) == (0, "")
    titles, *rows = ran.lines
    assert titles.split() == ["received", "(UTC)", "from", "subject"]
    assert len(rows) == len(at_cloud.mailbox(ALICE).messages)
    assert [row for row in rows if row.endswith("  -")]
    assert "2026-09-05 09:11  -" in next(row for row in rows if "names no sender" in row)


@pytest.mark.usefixtures("alice")
async def test_a_query_as_json_is_what_graph_gave(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE, "--json")
    documents = [json.loads(line) for line in ran.lines]
    lunch = next(document for document in documents if document["subject"] == "Lunch on Thursday?")
    assert lunch["from"]["emailAddress"] == {"name": "Bob Ferrari", "address": BOB}
    assert lunch["receivedDateTime"] == "2026-09-01T07:58:12Z"
    assert lunch["body"]["content"]


@pytest.mark.usefixtures("alice")
async def test_a_query_of_several_requests_at_a_time_shows_the_same_messages(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE)
    at_a_time = await to_thread(iacs, "mail", "query", ALICE, "--concurrency", "4")
    assert (at_a_time.code, at_a_time.lines) == (0, ran.lines)
    refused = await to_thread(iacs, "mail", "query", ALICE, "--concurrency", "4", "--search", "lunch")
    assert refused.code == 1
    assert "leave out concurrency" in refused.err


CONDITIONS: list[tuple[list[str], Callable[[Document], bool]]] = [
    (["--from", BOB], lambda document: address(document) == BOB),
    (["--subject", "lunch"], lambda document: "lunch" in (document["subject"] or "").lower()),
    (["--unread"], lambda document: not document["isRead"]),
    (["--read"], lambda document: document["isRead"]),
    (["--has-attachments"], lambda document: document["hasAttachments"]),
    (["--since", "2026-09-08"], lambda document: document["receivedDateTime"] >= "2026-09-08"),
    (
        ["--until", "2026-09-03T08:00:00+02:00"],
        lambda document: document["receivedDateTime"] < "2026-09-03T06:00:00Z",
    ),
    (["--filter", "isRead eq false"], lambda document: not document["isRead"]),
    (["--folder", "inbox"], lambda document: True),
]


def address(document: Document) -> Any:
    return (document.get("from") or {}).get("emailAddress", {}).get("address")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("options", "fits"), CONDITIONS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
async def test_a_condition_gives_exactly_the_messages_that_fit(
    iacs: Iacs, options: list[str], fits: Callable[[Document], bool]
) -> None:
    everything = [
        json.loads(line) for line in (await to_thread(iacs, "mail", "query", ALICE, "--json")).lines
    ]
    ran = await to_thread(iacs, "mail", "query", ALICE, "--json", *options)
    expected = {document["id"] for document in everything if fits(document)}
    assert expected
    assert {json.loads(line)["id"] for line in ran.lines} == expected


@pytest.mark.usefixtures("alice")
async def test_order_and_limit_are_obeyed(iacs: Iacs) -> None:
    ran = await to_thread(
        iacs, "mail", "query", ALICE, "--json", "--order-by", "received_at asc", "--limit", "3"
    )
    received = [json.loads(line)["receivedDateTime"] for line in ran.lines]
    assert len(received) == 3
    assert received == sorted(received)


@pytest.mark.usefixtures("alice")
async def test_a_search_finds_words(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE, "--search", "subject:lunch")
    assert len(ran.lines) == 3


@pytest.mark.usefixtures("alice")
async def test_when_nothing_fits_that_is_said_beside_the_data(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE, "--subject", "no such words", "--json")
    assert (ran.code, ran.out, ran.err) == (0, "", "no message matches\n")


@pytest.mark.usefixtures("alice")
async def test_a_filter_that_graph_refuses_is_one_sentence(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "mail", "query", ALICE, "--filter", "nonsense eq")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("alice")
async def test_mail_cannot_reach_the_terminal_with_control_characters_or_markup(
    iacs: Iacs, at_cloud: Sandbox
) -> None:
    at_cloud.mailbox(ALICE).add(HOSTILE.encode())
    plain = await to_thread(iacs, "mail", "query", ALICE)
    document = await to_thread(iacs, "mail", "query", ALICE, "--from", "mallory@fabrikam.example", "--json")
    assert "[red]sale[/red]" in plain.out
    assert r"\u202eexe" in plain.out
    for text in (plain.out, document.out):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "\x1b]0;owned\x07" in json.loads(document.out)["subject"]


async def test_a_sync_takes_everybody_who_is_signed_in_and_names_the_others(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE, BOB)
    held = {email: str(len(at_cloud.mailbox(email).messages)) for email in (ALICE, BOB)}
    first = await run_process("mail", "sync")
    assert first.code == 0, first.err
    titles, *rows = first.lines
    assert titles.split() == ["account", "seen", "new", "updated", "removed", "unreadable"]
    assert [row.split()[:3] for row in rows] == [[email, held[email], held[email]] for email in (ALICE, BOB)]
    assert f"{CAROL} is skipped: it is not signed in; sign in with: iacs auth login {CAROL}" in first.err
    assert f"{sum(map(int, held.values()))} events published" in first.err
    second = await to_thread(iacs, "mail", "sync", "--json")
    assert [json.loads(line)["new"] for line in second.lines] == [0, 0]


async def test_a_sync_without_names_says_why_an_account_is_left_out(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE, BOB, CAROL)
    at_cloud.revoke(BOB)
    at_cloud.expire_access_tokens()
    assert (await to_thread(iacs, "mail", "sync", BOB)).code == 1
    with Database(Config().database_url) as database, database.transaction() as tx:
        sql = "UPDATE iacs_accounts SET disabled_at = 'now' WHERE email = :email"
        tx.execute(sql, {"email": CAROL})
    ran = await to_thread(iacs, "mail", "sync")
    assert (ran.code, [row.split()[0] for row in ran.lines]) == (0, ["account", ALICE])
    assert f"{BOB} is skipped: its sign-in has expired; sign in with: iacs auth login {BOB}" in ran.err
    assert f"{CAROL} is skipped: it is disabled; enable it with: iacs account enable {CAROL}" in ran.err


async def test_what_was_stored_is_reported_when_its_events_cannot_go_out(
    sign_in: SignIn, iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(ALICE)
    with monkeypatch.context() as patch:
        patch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
        patch.setenv("KAFKA_TIMEOUT", "0.5")
        ran = await to_thread(iacs, "mail", "sync", ALICE, "--json")
        assert ran.code == 1
        document = json.loads(ran.out)
        assert (document["new"], document["published"]) == (12, 0)
        assert "127.0.0.1:1" in document["error"]
        assert f"{ALICE}: its messages are stored; the next sync publishes their events" in ran.err
    ran = await to_thread(iacs, "mail", "sync", ALICE)
    assert (ran.code, ran.lines[1].split()) == (0, [ALICE, *"00000"])
    assert "12 events published, 12 of them left by an earlier sync" in ran.err


async def test_an_account_that_fails_does_not_stop_the_others(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE, BOB)
    at_cloud.revoke(BOB)
    at_cloud.expire_access_tokens()
    ran = await to_thread(iacs, "mail", "sync", BOB, ALICE)
    assert ran.code == 1
    assert ran.lines[1].split() == [BOB, *"-----"]
    assert ran.lines[2].split()[:2] == [ALICE, "12"]
    assert f"iacs auth login {BOB}" in ran.err
    assert "Traceback" not in ran.err


async def test_a_folder_that_fails_is_named_and_fails_the_command(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE)
    archive = at_cloud.mailbox(ALICE).add(b"Subject: old\n\nold", folder="archive").folder
    at_cloud.faults.unavailable(f"*/{archive.id}/messages/delta", status=403, times=1)
    ran = await to_thread(iacs, "mail", "sync", ALICE)
    assert (ran.code, ran.lines[1].split()[1]) == (1, "12")
    assert f"iacs: {ALICE}: folder Archive: Microsoft Graph denies access" in ran.err
    health = await to_thread(iacs, "health")
    assert (health.code, "could not be synced: Archive" in health.out) == (0, True)
    ran = await to_thread(iacs, "mail", "sync", ALICE, "--json")
    assert (ran.code, json.loads(ran.out)["new"]) == (0, 1)
    assert "attention" not in (await to_thread(iacs, "health")).err


async def test_coverage_is_a_table_and_says_what_no_sync_reads(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE)
    inbox = sum(message.folder.name == "Inbox" for message in at_cloud.mailbox(ALICE).messages)
    await to_thread(iacs, "mail", "sync", ALICE, "--folders", "inbox", "--since", "1990-01-01")
    ran = await to_thread(iacs, "mail", "coverage", ALICE)
    assert ran.code == 0
    rows = [line.split() for line in ran.lines if line.startswith(ALICE)]
    assert [ALICE, "Inbox", "synced", str(inbox), str(inbox), "0"] in rows
    assert [row[-4] for row in rows if row[1] == "Archive"] == ["pending"]
    assert "folder Inbox: no mail received before 1990-01-01" in ran.err
    assert "in-place archives" in ran.err
    document = json.loads((await to_thread(iacs, "mail", "coverage", "--json")).out)
    assert document["account"] == ALICE


async def test_a_sync_announces_all_or_new_mail(sign_in: SignIn, iacs: Iacs) -> None:
    await sign_in(ALICE)
    assert (await to_thread(iacs, "mail", "sync", "--announce", "some")).code == 2
    ran = await to_thread(iacs, "mail", "sync", "--announce", "new")
    assert (ran.code, ran.lines[1].split()[2]) == (0, "12")
    assert "0 events published" in ran.err


async def test_a_mailbox_that_has_to_wait_gives_its_turn_to_another() -> None:
    turns, order = asyncio.Semaphore(1), []
    waits, may_end = asyncio.Event(), asyncio.Event()

    async def throttled() -> None:
        async with Turn(turns) as turn, turn.given_back():
            waits.set()
            await may_end.wait()
        order.append("throttled")

    async def other() -> None:
        async with Turn(turns):
            order.append("other")
            may_end.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(throttled())
        await waits.wait()
        group.create_task(other())
    assert order == ["other", "throttled"]
    assert not turns.locked()


async def test_a_turn_that_was_given_back_stays_so_after_an_error() -> None:
    turns = asyncio.Semaphore(1)
    with pytest.raises(ValueError, match="no"):
        async with Turn(turns) as turn, turn.given_back(), turn.given_back():
            raise ValueError("no")
    await asyncio.wait_for(turns.acquire(), 10)
    assert turns.locked()


async def test_what_failed_is_a_line_of_json_too(sign_in: SignIn, iacs: Iacs) -> None:
    await sign_in(ALICE)
    ran = await to_thread(iacs, "mail", "sync", ALICE, "nobody@contoso.example", "--json")
    assert ran.code == 1
    good, bad = (json.loads(line) for line in ran.lines)
    assert good["new"] == 12
    assert bad["account"] == "nobody@contoso.example"
    assert "enrolled" in bad["error"]


@pytest.mark.usefixtures("alice")
async def test_on_a_terminal_a_sync_draws_a_bar_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    shown = await on_terminal("mail", "sync", ALICE)
    assert "━" in shown
    assert "12/12" in shown
    assert shown.rstrip().splitlines()[-2].split()[:3] == [ALICE, "12", "12"]


@pytest.mark.usefixtures("alice")
async def test_on_a_terminal_no_line_is_longer_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = (await on_terminal("mail", "query", ALICE)).splitlines()
    assert len(lines) == 13
    assert max(map(len, lines)) == 80
