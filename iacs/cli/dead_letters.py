"""`iacs events replay`: the dead letters of a topic, published again."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Json
from iacs.cli.output import counted, line, note, show
from iacs.cli.running import run

if TYPE_CHECKING:
    from iacs.cli.running import App

NOT_REPLAYED = 1

IDLE = 1.0
"""Seconds without a new event after which reading ends."""


def replay(
    topic: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="Topic that the events came from (default: MAIL_TOPIC)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum number of dead letters (default: all).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be published.")] = False,
    json: Json = False,
) -> None:
    """Publish the dead letters of a topic again.

    A dead letter is published again only once. Exits with 1 if one could not be published.
    """
    replayed, left = run(
        lambda app: _replay(app, topic, limit=limit, dry_run=dry_run, json=json), "core.events"
    )
    show(
        f"{counted(replayed, 'event')} {'to publish' if dry_run else 'published'} again",
        {"replayed": replayed, "not_replayed": left, "dry_run": dry_run},
        json=json,
    )
    if left:
        raise typer.Exit(NOT_REPLAYED)


async def _replay(
    app: "App", topic: str | None, *, limit: int | None, dry_run: bool, json: bool
) -> tuple[int, int]:
    from iacs.core.dead_letters import replay

    config, replayed, left = app.container.core().config(), 0, 0
    letters = replay(
        app.container.core().events(),
        topic or config.mail_topic,
        dead_letter_topic=config.dead_letter_topic,
        limit=limit,
        dry_run=dry_run,
        idle_timeout=IDLE,
    )
    async with aclosing(letters) as outcomes:
        async for outcome in outcomes:
            letter = outcome.letter
            address = f"{letter.topic}/{letter.partition}/{letter.offset}"
            if outcome.problem is not None:
                left += 1
                note(f"{address} is not published again: {outcome.problem}")
            else:
                replayed += 1
                if dry_run and not json:
                    line(f"{address} {letter.reason}")
    return replayed, left
