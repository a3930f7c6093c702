"""How far a sync is: bars on a terminal, a line now and then elsewhere; always on standard error."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from iacs.cli.output import note
from iacs.cli.tables import console
from iacs.redaction import safe_for_terminal

if TYPE_CHECKING:
    from iacs.mail_query import SyncProgress

SILENCE = 5.0
"""Seconds between two lines about one account."""


class Progress(Protocol):
    """Is told how far each account is."""

    def advance(self, email: str, step: "SyncProgress") -> None:
        """Show where the account stands."""

    def stop(self, email: str, how: str) -> None:
        """Show how it ended."""


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
    """One bar for each account; it only pulses while nobody knows how many messages are to come."""

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

    def stop(self, email: str, how: str) -> None:
        """Fill the bar; how it ended is in the table that follows."""
        task = self._tasks[email]
        self._bars.start_task(task)
        self._bars.update(task, total=self._bars.tasks[task].completed)
        self._bars.stop_task(task)


class Lines:
    """A line for each account when it ends, and before that when it has long said nothing."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def advance(self, email: str, step: "SyncProgress") -> None:
        """Say where it stands, unless it was said a moment ago."""
        now = time.monotonic()
        if now - self._said.setdefault(email, now) >= SILENCE:
            self._said[email] = now
            of = "" if step.expected is None else f" of {step.expected}"
            note(f"{email}: {step.seen}{of} messages so far")

    def stop(self, email: str, how: str) -> None:
        """Say how it ended."""
        note(f"{email}: {how}")
