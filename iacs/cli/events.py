"""`iacs events …`: published events and pending ones."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import asdict
from json import dumps
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Json
from iacs.cli.output import counted, line, note, print_json
from iacs.cli.running import run
from iacs.cli.tables import Column, Table

if TYPE_CHECKING:
    from iacs.cli.running import App
    from iacs.core.events import Event

app = typer.Typer(rich_markup_mode=None)

IDLE = 1.0
"""Seconds without a new event after which reading ends."""

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
    from iacs.core.config import Config
    from iacs.core.events import EventStream

    table, shown = Table(*COLUMNS), 0
    stream = app.get(EventStream).consume(
        topic or app.get(Config).mail_topic, group, idle_timeout=None if follow else IDLE
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
    """Return account and subject of an event about mail; of any other event its key and value."""
    value = event.value
    if isinstance(value, dict) and value.get("type") == "mail.received":
        return value.get("account"), value.get("subject")
    return event.key, dumps(value, ensure_ascii=False)


@app.command()
def relay(json: Json = False) -> None:
    """Publish the events that are pending in the outbox."""
    from iacs.core.outbox import Outbox

    async def work(app: "App") -> int:
        return await app.get(Outbox).relay()

    published = run(work, Outbox)
    if json:
        print_json({"published": published})
    else:
        line(f"{counted(published, 'event')} published")
