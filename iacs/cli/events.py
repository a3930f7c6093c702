"""`iacs events …`: published events and pending ones."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, astuple
from difflib import unified_diff
from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.dead_letters import IDLE, replay
from iacs.cli.options import Json
from iacs.cli.output import counted, line, note, print_json, show
from iacs.cli.running import run
from iacs.cli.snapshot import read_snapshot
from iacs.cli.table import Column, Table, print_table

if TYPE_CHECKING:
    from iacs.cli.running import App
    from iacs.core.events import Event, PartitionLag

app = typer.Typer(rich_markup_mode=None)

DIFFERENT = 1


class Format(StrEnum):
    """The formats of a description of events."""

    JSON_SCHEMA = "json-schema"
    ASYNCAPI = "asyncapi"


COLUMNS = (Column("offset", 8), Column("about", 24, cut=True, wide=40), Column("event", cut=True))


@app.command()
def tail(
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic to read (default: MAIL_TOPIC).")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Resume where the consumer group left off.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for new events until Ctrl-C.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum number of events (default: all).")
    ] = None,
    json: Json = False,
) -> None:
    """Show the events of a topic, oldest first; without --group, all of them."""
    run(lambda app: _tail(app, topic, group, follow=follow, limit=limit, json=json), "core.events")


async def _tail(
    app: "App",
    topic: str | None,
    group: str | None,
    *,
    follow: bool,
    limit: int | None,
    json: bool,
) -> None:
    table, shown, core = Table(*COLUMNS), 0, app.container.core()
    stream = core.events().consume(
        topic or core.config().mail_topic, group, idle_timeout=None if follow else IDLE
    )
    async with aclosing(stream) as events:
        async for event in events:
            _show(event, table, json=json)
            shown += 1
            if shown == limit:
                await _finish(events)
                break
    if not shown:
        note("there is no event to read")


async def _finish(events: "AsyncGenerator[Event, None]") -> None:
    """Request another event: only then does the last one count as processed by its group."""
    with suppress(StopAsyncIteration, TimeoutError):
        async with asyncio.timeout(IDLE):
            await anext(events)


def _show(event: "Event", table: Table, *, json: bool) -> None:
    if json:
        print_json(asdict(event))
    else:
        table.row(f"{event.partition}/{event.offset}", *_summary(event))


def _summary(event: "Event") -> tuple[str | None, str | None]:
    """Return what an event of iacs is about, and what it says; of any other event its key and value."""
    value = event.value
    match value if isinstance(value, dict) else {}:
        case {"type": "mail.received", **fields}:
            return fields.get("account"), fields.get("subject")
        case {"type": "account.audited", "action": action, **fields}:
            actor = fields.get("actor")
            return fields.get("account"), f"{action} by {actor}" if actor else str(action)
        case {"type": str(kind), **fields} if kind.startswith("account."):
            return fields.get("account"), kind.removeprefix("account.")
    return event.key, dumps(value, ensure_ascii=False)


@app.command()
def lag(
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic to look at (default: MAIL_TOPIC).")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Consumer group to show (default: all).")
    ] = None,
    json: Json = False,
) -> None:
    """Show how many events of a topic consumer groups have not processed yet."""
    lags = run(lambda app: _lag(app, topic, group), "core.events")
    if json:
        for lag in lags:
            print_json(asdict(lag))
    elif lags:
        titles = ("group", "topic", "partition", "next", "end", "lag")
        print_table(titles, [tuple(map(str, astuple(lag))) for lag in lags])
    else:
        note("no consumer group has read the topic" if group is None else "there is no event to read")


async def _lag(app: "App", topic: str | None, group: str | None) -> "Sequence[PartitionLag]":
    core = app.container.core()
    lags: Sequence[PartitionLag] = await core.events().lag(topic or core.config().mail_topic, group)
    return lags


@app.command()
def relay(json: Json = False) -> None:
    """Publish the events that are pending in the outbox, about mail and about accounts."""
    published = run(lambda app: app.container.mail_query().outbox().relay(), "mail_query.outbox")
    show(f"{counted(published, 'event')} published", {"published": published}, json=json)


app.command()(replay)


@app.command()
def schema(
    format: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.JSON_SCHEMA,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="File to compare with; exit code 1 if they differ."),
    ] = None,
) -> None:
    """Describe the events that iacs publishes: their JSON Schemas, or an AsyncAPI document.

    The output is reproducible: keep the file under version control, and compare with --check.
    """
    from iacs.cli.event_schema import asyncapi, json_schemas
    from iacs.containers import ApplicationContainer

    describe = asyncapi if format is Format.ASYNCAPI else json_schemas
    text = describe(ApplicationContainer().core().config())
    if check is None:
        sys.stdout.write(text)
        return
    command = f"iacs events schema --format {format}"
    before = read_snapshot(check, command)
    if before == text:
        note(f"{check} is up to date")
        return
    for change in unified_diff(before.splitlines(), text.splitlines(), str(check), "now", lineterm="", n=1):
        line(change)
    note(f"the events have changed since {check}; to accept: {command} > {check}")
    raise typer.Exit(DIFFERENT)
