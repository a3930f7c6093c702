"""The progress of a sync on standard error: bars on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from iacs.cli.output import note
from iacs.cli.table import console
from iacs.redaction import safe_for_terminal

if TYPE_CHECKING:
    from iacs.mail_query import SyncProgress

INTERVAL_SECONDS = 5.0
"""The minimum time between two lines about an account."""


class Progress(Protocol):
    """A display of the progress of several accounts."""

    def advance(self, email: str, step: "SyncProgress") -> None:
        """Show the counts of an account."""

    def stop(self, email: str, outcome: str) -> None:
        """Show how the sync of an account ended."""


@contextmanager
def progress(emails: Sequence[str]) -> Iterator[Progress]:
    """Show the progress of these accounts while the block runs."""
    stderr = console(sys.stderr)
    if not stderr.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with RichProgress(*columns, TimeElapsedColumn(), console=stderr) as bars:
        yield Bars(bars, emails)


class Bars:
    """One bar per account; it pulses while the number of messages is unknown."""

    def __init__(self, bars: RichProgress, emails: Sequence[str]) -> None:
        self._bars = bars
        self._tasks = {
            email: bars.add_task(safe_for_terminal(email), start=False, total=None) for email in emails
        }

    def advance(self, email: str, step: "SyncProgress") -> None:
        """Move the bar."""
        task = self._tasks[email]
        self._bars.start_task(task)
        self._bars.update(task, completed=step.seen, total=step.expected)

    def stop(self, email: str, outcome: str) -> None:
        """Fill the bar; the table that follows has the outcome."""
        task = self._tasks[email]
        self._bars.start_task(task)
        self._bars.update(task, total=self._bars.tasks[task].completed)
        self._bars.stop_task(task)


class Lines:
    """A line per account every few seconds, and one when its sync ends."""

    def __init__(self) -> None:
        self._printed_at: dict[str, float] = {}

    def advance(self, email: str, step: "SyncProgress") -> None:
        """Print the number of messages, unless a line was printed within the last seconds."""
        now = time.monotonic()
        if now - self._printed_at.setdefault(email, now) >= INTERVAL_SECONDS:
            self._printed_at[email] = now
            of = "" if step.expected is None else f" of {step.expected}"
            note(f"{email}: {step.seen}{of} messages so far")

    def stop(self, email: str, outcome: str) -> None:
        """Print how the sync ended."""
        note(f"{email}: {outcome}")
