"""Events by command."""

import itertools
import json
import os
import pwd
import signal
from asyncio import to_thread

import pytest

from iacs.containers import ApplicationContainer
from iacs.core.events import NewEvent
from iacs.runtime import Application
from tests.cli.conftest import ALICE, BOB, Iacs, SignIn, run_process, started


@pytest.fixture
async def published(sign_in: SignIn, iacs: Iacs) -> None:
    await sign_in(ALICE)
    assert (await to_thread(iacs, "mail", "sync", ALICE)).code == 0


@pytest.mark.usefixtures("published")
def test_events_are_shown_by_whom_they_are_about_and_their_subject(iacs: Iacs) -> None:
    titles, *rows = iacs("events", "tail").lines
    assert titles.split() == ["offset", "about", "event"]
    assert len(rows) == 12
    assert all(ALICE in row for row in rows)
    assert any("Lunch on Thursday?" in row for row in rows)
    assert any(row.endswith(" -") for row in rows)


def test_events_about_accounts_are_shown_with_who_caused_them(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "mallory")
    iacs("account", "add", ALICE)
    iacs("account", "disable", ALICE)
    rows = [row.split()[1:] for row in iacs("events", "tail", "--topic", "iacs.account").lines[1:]]
    assert rows == [[ALICE, "disabled"]]
    user = f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    rows = [row.split()[1:] for row in iacs("events", "tail", "--topic", "iacs.audit").lines[1:]]
    assert rows == [[ALICE, "enrolled", "by", user], [ALICE, "disabled", "by", user]]


@pytest.mark.usefixtures("published")
def test_events_as_json_are_whole(iacs: Iacs) -> None:
    events = [json.loads(line) for line in iacs("events", "tail", "--json").lines]
    assert len({event["id"] for event in events}) == 12
    assert {event["topic"] for event in events} == {"iacs.mail.received"}
    assert events[0]["value"]["account"] == ALICE


@pytest.mark.usefixtures("published")
def test_a_group_goes_on_after_the_last_event_that_was_shown(iacs: Iacs) -> None:
    everything = [json.loads(line)["id"] for line in iacs("events", "tail", "--json").lines]
    parts = [
        [json.loads(line)["id"] for line in iacs("events", "tail", "--json", "--group", "g", *limit).lines]
        for limit in (["--limit", "5"], ["--limit", "4"], [], [])
    ]
    assert [len(part) for part in parts] == [5, 4, 3, 0]
    assert sorted(itertools.chain(*parts)) == sorted(everything)


async def test_followed_events_arrive_as_they_are_published_until_ctrl_c(sign_in: SignIn, iacs: Iacs) -> None:
    await sign_in(BOB)
    async with started("events", "tail", "--follow", "--json") as command:
        assert (await to_thread(iacs, "mail", "sync", BOB)).code == 0
        first = json.loads(await command.line())
        command.process.send_signal(signal.SIGINT)
        ran = await command.rest()
    assert first["value"]["account"] == BOB
    assert (ran.code, ran.err) == (130, "")


def test_an_empty_topic_is_said_beside_the_data(iacs: Iacs) -> None:
    iacs("init-db")
    ran = iacs("events", "tail", "--topic", "nothing.here", "--json")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "there is no event to read\n"


async def test_what_waits_in_the_outbox_is_published_once(iacs: Iacs) -> None:
    container = ApplicationContainer()
    async with Application(container):
        event = NewEvent("iacs.mail.received", {"what": "\x1b[2J"}, key="k")
        outbox = container.mail_query().outbox()
        await container.core().database().run(outbox.add, [event])
    assert (await run_process("events", "relay")).out == "1 event published\n"
    assert json.loads((await to_thread(iacs, "events", "relay", "--json")).out) == {"published": 0}
    shown = await to_thread(iacs, "events", "tail")
    assert r"k" in shown.lines[1]
    assert r'{"what": "\u001b[2J"}' in shown.lines[1]


async def test_through_kafka_the_same_commands_say_the_same(
    sign_in: SignIn,
    iacs: Iacs,
    kafka_servers: tuple[str, ...],
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", ",".join(kafka_servers))
    monkeypatch.setenv("MAIL_TOPIC", topic)
    await sign_in(ALICE)
    assert "12 events published" in (await to_thread(iacs, "mail", "sync", ALICE)).err
    parts = [
        (await to_thread(iacs, "events", "tail", "--json", "--group", topic, *limit)).lines
        for limit in (["--limit", "5"], [], [])
    ]
    assert [len(part) for part in parts] == [5, 7, 0]
    assert len({json.loads(line)["id"] for line in itertools.chain(*parts)}) == 12


async def test_dead_letters_are_published_again_once(iacs: Iacs) -> None:
    container = ApplicationContainer()
    async with Application(container):
        events = container.core().events()
        await events.publish("iacs.mail.received", 1, key="k", event_id="1")
        [event] = [item async for item in events.consume("iacs.mail.received", idle_timeout=0.1)]
        await events.dead_letter(event, "no such customer")
    dry = await to_thread(iacs, "events", "replay", "--dry-run")
    assert dry.lines[0].startswith("iacs.mail.received/")
    assert dry.lines[0].endswith("no such customer")
    assert dry.lines[1] == "1 event to publish again"
    again = [(await to_thread(iacs, "events", "replay", "--json")).out for _ in range(2)]
    assert [json.loads(line)["replayed"] for line in again] == [1, 0]
    shown = [json.loads(line) for line in (await to_thread(iacs, "events", "tail", "--json")).lines]
    assert [event["id"] for event in shown] == ["1", "1"]


@pytest.mark.usefixtures("published")
def test_lag_is_shown_for_every_group_or_for_one(iacs: Iacs) -> None:
    iacs("events", "tail", "--group", "readers", "--limit", "5")
    iacs("events", "tail", "--group", "others")
    titles, *rows = iacs("events", "lag").lines
    assert titles.split() == ["group", "topic", "partition", "next", "end", "lag"]
    assert {row.split()[0] for row in rows} == {"readers", "others"}
    lags = [json.loads(line) for line in iacs("events", "lag", "--group", "readers", "--json").lines]
    assert sum(lag["lag"] for lag in lags) == 7
    assert {lag["group"] for lag in lags} == {"readers"}
    assert all(lag["end_offset"] - lag["next_offset"] == lag["lag"] for lag in lags)


def test_a_topic_without_groups_has_no_lag(iacs: Iacs) -> None:
    iacs("init-db")
    ran = iacs("events", "lag")
    assert (ran.code, ran.out, ran.err) == (0, "", "no consumer group has read the topic\n")
    ran = iacs("events", "lag", "--group", "readers")
    assert (ran.code, ran.out, ran.err) == (0, "", "there is no event to read\n")
