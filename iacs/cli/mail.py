"""`iacs mail …`: query and sync mailboxes."""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.options import Email, Json
from iacs.cli.output import instant, note, print_json
from iacs.cli.running import run
from iacs.cli.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from iacs.mail_query import Message, Recipient, UnreadableMessage

app = typer.Typer(rich_markup_mode=None)

COLUMNS = (Column("received (UTC)", 16), Column("from", 24, cut=True, wide=40), Column("subject", cut=True))


def _instant(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is not a time; write it as 2026-11-23 or 2026-11-23T08:15:00Z"
        ) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _time_option(name: str, text: str) -> Any:
    return typer.Option(
        name, parser=_instant, metavar="TIME", help=f"{text} (UTC unless an offset is given)."
    )


@app.command()
def query(
    email: Email,
    sender: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="Sender address.")] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text that the subject contains.")
    ] = None,
    since: Annotated[datetime | None, _time_option("--since", "Received at or after this time")] = None,
    until: Annotated[datetime | None, _time_option("--until", "Received before this time")] = None,
    unread: Annotated[
        bool | None, typer.Option("--unread/--read", help="Only unread / only read messages.")
    ] = None,
    has_attachments: Annotated[
        bool | None,
        typer.Option("--has-attachments/--no-attachments", help="Only messages with / without attachments."),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--filter", metavar="ODATA", help="OData filter expression, passed to Graph."),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="KQL", help="Search query; cannot be combined with other conditions."),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder id or well-known name, such as inbox (default: all)."),
    ] = None,
    order_by: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Sort field, such as 'received_at desc'; repeatable."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum number of messages (default: all).")
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Requests at a time, for a whole mailbox or folder, newest first; at most GRAPH_CONCURRENCY are sent.",
        ),
    ] = 1,
    json: Json = False,
) -> None:
    """Show the messages that match every condition, read from Microsoft Graph.

    With --json each message is printed as Graph returned it, with Graph's field names.
    """
    from iacs.mail_query import MailQuery

    mail_query = MailQuery(
        sender=sender,
        subject_contains=subject,
        received_after=since,
        received_before=until,
        unread=unread,
        has_attachments=has_attachments,
        filter=condition,
        search=search,
        folder=folder,
        order_by=tuple(order_by or ()),
        select=() if json else ("received_at", "from_", "subject"),
        limit=limit,
    )
    run(
        lambda app: _query(
            app.container.mail_query().service().messages(email, mail_query, concurrency=concurrency),
            json=json,
        ),
        "mail_query.service",
    )


async def _query(matching: "AsyncGenerator[Message | UnreadableMessage, None]", *, json: bool) -> None:
    table, message = Table(*COLUMNS), None
    async with aclosing(matching) as messages:
        async for message in messages:
            _show(message, table, json=json)
    if message is None:
        note("no message matches")


def _show(message: "Message | UnreadableMessage", table: Table, *, json: bool) -> None:
    from iacs.mail_query import UnreadableMessage

    if isinstance(message, UnreadableMessage):
        note(f"message {message.id} is malformed: {message.reason}")
        document = message.model_dump(mode="json")
        cells: tuple[str | None, ...] = (None, None, None)
    else:
        document = message.model_dump(mode="json", by_alias=True, exclude_unset=True)
        cells = (instant(message.received_at), _format_recipient(message.from_), message.subject)
    if json:
        print_json(document)
    else:
        table.row(*cells)


def _format_recipient(recipient: "Recipient | None") -> str | None:
    if recipient is None or not recipient.address:
        return recipient.name or None if recipient else None
    return f"{recipient.name} <{recipient.address}>" if recipient.name else recipient.address


@app.command()
def sync(
    emails: Annotated[
        list[str] | None,
        typer.Argument(metavar="EMAIL", help="Accounts to sync (default: all that are signed in)."),
    ] = None,
    folders: Annotated[
        list[str] | None,
        typer.Option(
            "--folders",
            "--folder",
            metavar="FOLDER",
            help="Folder id, name or well-known name, such as inbox; repeatable (default: all).",
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        _time_option(
            "--since", "Leave out mail received before this time, in folders that were never synced"
        ),
    ] = None,
    announce: Annotated[
        str | None,
        typer.Option(
            metavar="all|new",
            help="Publish events for all mail, or new mail, received after the first sync began (default: MAIL_ANNOUNCE).",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Store new and changed messages, and publish an event for each new one.

    Exits with 1 if an account or one of its folders could not be synced; both, and skipped accounts, are reported on stderr.
    """
    from iacs.cli.sync import report, sync_all

    if announce not in (None, "all", "new"):
        raise typer.BadParameter(f"'{announce}' is neither all nor new", param_hint="--announce")
    options = {"folders": folders or (), "since": since, "announce": announce}
    outcomes = run(
        lambda app: sync_all(app, emails or (), options),
        "account.service",
        "mail_query.service",
        creates=True,
    )
    report(outcomes, json=json)
    if not all(outcome.is_complete for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def coverage(
    emails: Annotated[
        list[str] | None,
        typer.Argument(metavar="EMAIL", help="Accounts to compare (default: all that are signed in)."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare what is stored of each mail folder with what Graph has, also of folders that no sync reads."""
    from iacs.cli.coverage import all_coverage, report

    report(
        run(lambda app: all_coverage(app, emails or ()), "account.service", "mail_query.service"), json=json
    )
