"""Syncing several mailboxes at the same time: one that fails does not stop the others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from iacs.cli.edge import describe
from iacs.cli.output import counted, note, print_json
from iacs.cli.progress import Progress, progress
from iacs.cli.table import print_table
from iacs.core.exceptions import AccountError, EventError

if TYPE_CHECKING:
    from iacs.account import Account, AccountService
    from iacs.cli.running import App
    from iacs.mail_query import MailQueryService, SyncProgress, SyncResult

CONCURRENCY = 4
"""Mailboxes at the same time; Graph allows four requests at a time for each of them."""

COUNTS = ("seen", "new", "updated", "removed", "unreadable")


@dataclass(slots=True)
class Outcome:
    """The counts of one account, None if its sync did not begin, and the error that ended it."""

    email: str
    counts: "SyncResult | None" = None
    error: Exception | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every folder was synced."""
        return self.error is None and self.counts is not None and not self.counts.failed


async def sync_all(app: "App", emails: Sequence[str], options: Mapping[str, Any]) -> list[Outcome]:
    """Sync these accounts, or all that are signed in, and return their outcomes in the same order.

    `options` are keyword arguments of MailQueryService.sync.
    """
    service = app.container.mail_query().service()
    accounts = list(dict.fromkeys(emails)) or await active_accounts(app.container.account().service())
    turns = asyncio.Semaphore(CONCURRENCY)
    with progress(accounts) as bars:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_sync(service, email, bars, turns, options)) for email in accounts]
    return [task.result() for task in tasks]


class Turn:
    """The turn of one mailbox among all of them, which others use while it has to wait."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._lock = asyncio.Lock()
        self._is_held = False

    async def __aenter__(self) -> Self:
        async with self._lock:  # several requests of the mailbox may end their wait at once
            if not self._is_held:
                await self._turns.acquire()
                self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    @asynccontextmanager
    async def given_back(self) -> AsyncIterator[None]:
        """Give the turn back for the block, and take one again unless the block fails."""
        self._give_back()
        yield
        await self.__aenter__()

    def _give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._turns.release()


async def _sync(
    service: "MailQueryService",
    email: str,
    bars: Progress,
    turns: asyncio.Semaphore,
    options: Mapping[str, Any],
) -> Outcome:
    outcome = Outcome(email)
    async with Turn(turns) as turn:
        try:
            outcome.counts = await service.sync(
                email, on_progress=_recorder(outcome, bars), while_waiting=turn.given_back, **options
            )
        except Exception as error:  # noqa: BLE001 - the other mailboxes go on; report() prints the error
            outcome.error = error
            bars.stop(email, "failed")
        else:
            bars.stop(email, f"{counted(outcome.counts.seen, 'message')}, {outcome.counts.new} new")
    return outcome


def _recorder(outcome: Outcome, bars: Progress) -> "Callable[[SyncProgress], None]":
    """Return a callback that records the counts, which stay valid after an error."""

    def record(step: "SyncProgress") -> None:
        outcome.counts = step
        bars.advance(outcome.email, step)

    return record


async def active_accounts(accounts: "AccountService") -> list[str]:
    """Return the accounts that are signed in, and note the others; raise AccountError without any."""
    known = await accounts.list()
    for account in known:
        if account.status != "active":
            note(f"{account.email} is skipped: {_reason(account)}")
    active = [account.email for account in known if account.status == "active"]
    if not active:
        raise AccountError(
            "no account is signed in",
            hint="list the accounts with: iacs account list, then: iacs auth login EMAIL",
        )
    return active


def _reason(account: "Account") -> str:
    """Return why an account is not synced, and the command that changes it."""
    if account.status == "disabled":
        return f"it is disabled; enable it with: iacs account enable {account.email}"
    state = "its sign-in has expired" if account.status == "sign_in_required" else "it is not signed in"
    return f"{state}; sign in with: iacs auth login {account.email}"


def report(outcomes: Sequence[Outcome], *, json: bool) -> None:
    """Print the counts of each account, and the errors on standard error."""
    if json:
        for outcome in outcomes:
            print_json(_document(outcome))
    else:
        print_table(("account", *COUNTS), [_row(outcome) for outcome in outcomes])
        note(_published(outcomes))
    for outcome in outcomes:
        for folder in outcome.counts.failed if outcome.counts else ():
            note(f"iacs: {outcome.email}: folder {folder.name or folder.id}: {folder.problem}")
        if outcome.error:
            note(f"iacs: {outcome.email}: {describe(outcome.error)}")
            if isinstance(outcome.error, EventError):
                note(f"iacs: {outcome.email}: its messages are stored; the next sync publishes their events")


def _published(outcomes: Sequence[Outcome]) -> str:
    """Return the total number of events, since one account may publish the events of the others."""
    counts = [outcome.counts for outcome in outcomes if outcome.counts]
    published = sum(count.published for count in counts)
    earlier = published - sum(count.new for count in counts)
    text = f"{counted(published, 'event')} published"
    return f"{text}, {earlier} of them left by an earlier sync" if earlier > 0 else text


def _row(outcome: Outcome) -> tuple[str | None, ...]:
    """Return the counts as text, None for a mailbox that was not read, though events of others were published."""
    counts = outcome.counts
    if counts is None or (outcome.error and not counts.folders):
        return outcome.email, *(None for _ in COUNTS)
    return outcome.email, *(str(getattr(counts, name)) for name in COUNTS)


def _document(outcome: Outcome) -> dict[str, object]:
    from iacs.mail_query import SyncResult

    document: dict[str, object] = {"account": outcome.email}
    if outcome.counts:
        document |= outcome.counts.model_dump(mode="json", include=set(SyncResult.model_fields))
    return document | ({"error": describe(outcome.error)} if outcome.error else {})
