"""The terminal output of the quickstart."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from iacs.mail_query import Message, SyncProgress, SyncResult, UnreadableMessage
from iacs.redaction import safe_for_terminal

MISSING = Text("-", style="dim")
NEXT = ("events tail --limit 3", "events tail --topic iacs.audit", "account list")


def show_messages(console: Console, title: str, messages: Sequence[Message | UnreadableMessage]) -> None:
    """Show one row per message; a dash marks a missing field."""
    table = Table("Received", "From", "Subject", title=title, title_justify="left", box=None)
    for message in messages:
        if isinstance(message, UnreadableMessage):
            table.add_row(MISSING, MISSING, Text(f"unreadable: {message.reason}"))
            continue
        received = f"{message.received_at:%Y-%m-%d %H:%M}" if message.received_at else None
        sender = message.from_.address if message.from_ else None
        table.add_row(
            *(
                Text(safe_for_terminal(text)) if text else MISSING
                for text in (received, sender, message.subject)
            )
        )
    console.print(table)


@contextmanager
def sync_progress(console: Console) -> Iterator[Callable[[SyncProgress], None]]:
    """Show a progress bar for each mailbox."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        bars = {}

        def report(now: SyncProgress) -> None:
            if now.account not in bars:
                bars[now.account] = progress.add_task(f"Syncing {now.account}", total=None)
            progress.update(bars[now.account], completed=now.seen, total=now.expected or now.seen)

        yield report


def show_summary(
    console: Console,
    results: Sequence[SyncResult],
    *,
    received: int,
    stored: int,
    read_back: int,
    folder: Path,
) -> None:
    """Show how many messages and events there are at the source, in the database and after reading back."""
    new, published = sum(result.new for result in results), sum(result.published for result in results)
    if new == 0:
        console.print("\nNothing new since the last run.")
    table = Table(box=None, show_header=False, title="Summary", title_justify="left")
    table.add_row("messages in the mailboxes", f"{received:,}")
    table.add_row("messages stored", f"{stored:,}", f"{new:,} new")
    table.add_row("events published", f"{published:,}")
    table.add_row("events read back", f"{read_back:,}")
    console.print(table)
    console.print(f"\nThe data is in {folder}; its .env has the settings. Try next:", soft_wrap=True)
    for line in what_next(folder):
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def what_next(folder: Path) -> list[str]:
    """Return commands that show the data; if it is on servers, the first command restarts them."""
    program = Path(sys.executable).with_name("iacs")
    commands = [f"cd {folder}"]
    if servers := [
        f"--{name} {folder / name}" for name in ("kafka", "postgresql") if (folder / name).is_dir()
    ]:
        commands = [
            f"{os.path.relpath(sys.executable)} -m tests.servers {' '.join(servers)} -- bash",
            *commands,
        ]
    return [*commands, *(f"{os.path.relpath(program, folder)} {words}" for words in NEXT)]
