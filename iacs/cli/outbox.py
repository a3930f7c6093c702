"""`iacs outbox …`: events that the broker rejects, and that wait for a person."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.options import Json
from iacs.cli.output import counted, instant, note, print_json, show
from iacs.cli.running import run
from iacs.cli.table import print_table

if TYPE_CHECKING:
    from iacs.core.outbox import Outbox

app = typer.Typer(rich_markup_mode=None)

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids of parked events.")]


@app.command("list")
def list_parked(json: Json = False) -> None:
    """List the parked events and the reasons why the broker rejects them.

    Later events of the same key wait behind a parked one; all others are published.
    """
    events = _run(lambda outbox: outbox.parked())
    if json:
        for event in events:
            print_json(asdict(event))
    elif events:
        titles = ("id", "topic", "key", "attempts", "added", "problem")
        print_table(
            titles,
            [
                (
                    event.id,
                    event.topic,
                    event.key,
                    str(event.attempts),
                    instant(event.created_at),
                    event.problem,
                )
                for event in events
            ],
        )
    else:
        note("no event is parked")


@app.command()
def retry(ids: Ids, json: Json = False) -> None:
    """Publish parked events with the next sync or iacs events relay."""
    number = _run(lambda outbox: outbox.retry(ids))
    show(f"{counted(number, 'event')} will be sent again", {"retried": number}, json=json)


@app.command()
def drop(ids: Ids, json: Json = False) -> None:
    """Delete parked events without publishing them."""
    number = _run(lambda outbox: outbox.drop(ids))
    show(f"{counted(number, 'event')} dropped", {"dropped": number}, json=json)


def _run(work: "Callable[[Outbox], Awaitable[Any]]") -> Any:
    return run(lambda app: work(app.container.mail_query().outbox()), "mail_query.outbox")
