"""Several mailboxes at a time: one that fails does not stop the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iacs.cli.edge import describe
from iacs.cli.output import counted, note, print_json
from iacs.cli.progress import Progress, progress
from iacs.cli.tables import print_table
from iacs.core.exceptions import AccountError

if TYPE_CHECKING:
    from iacs.account import AccountService
    from iacs.cli.running import App
    from iacs.mail_query import MailQueryService, SyncResult

AT_A_TIME = 4
"""Mailboxes; Graph allows four requests at a time to each of them."""

COUNTS = ("seen", "new", "updated", "removed", "unreadable")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one account: a result, or the error that stopped it."""

    email: str
    result: "SyncResult | None" = None
    error: Exception | None = None


async def sync_all(app: "App", emails: Sequence[str]) -> list[Outcome]:
    """Sync these accounts, or all that are signed in, and return what came of each in their order."""
    from iacs.account import AccountService
    from iacs.mail_query import MailQueryService

    service = app.get(MailQueryService)
    wanted = list(dict.fromkeys(emails)) or await _signed_in(app.get(AccountService))
    turn = asyncio.Semaphore(AT_A_TIME)
    with progress(wanted) as bars:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_sync(service, email, bars, turn)) for email in wanted]
    return [task.result() for task in tasks]


async def _sync(service: "MailQueryService", email: str, bars: Progress, turn: asyncio.Semaphore) -> Outcome:
    async with turn:
        try:
            result = await service.sync(email, on_progress=lambda step: bars.advance(email, step))
        except Exception as error:  # noqa: BLE001 - the other mailboxes go on; the edge's words tell it
            bars.stop(email, f"failed: {describe(error)}")
            return Outcome(email, error=error)
    bars.stop(email, f"{counted(result.seen, 'message')}, {result.new} new")
    return Outcome(email, result=result)


async def _signed_in(accounts: "AccountService") -> list[str]:
    known = await accounts.list()
    for account in known:
        if account.status in ("enrolled", "sign_in_required"):
            note(f"{account.email} is left out: sign in with: iacs auth login {account.email}")
    active = [account.email for account in known if account.status == "active"]
    if not active:
        raise AccountError("no account is signed in: see iacs account list, then iacs auth login EMAIL")
    return active


def report(outcomes: Sequence[Outcome], *, json: bool) -> None:
    """Print what came of each account, and say what failed on standard error."""
    if json:
        for outcome in outcomes:
            print_json(_document(outcome))
    else:
        print_table(("account", *COUNTS), [_row(outcome) for outcome in outcomes])
        # In all, not by account: whoever relays publishes what the others have stored, too.
        published = sum(each.result.published for each in outcomes if each.result)
        note(f"{counted(published, 'event')} published")
    for outcome in outcomes:
        if outcome.error:
            note(f"iacs: {outcome.email}: {describe(outcome.error)}")


def _document(outcome: Outcome) -> dict[str, object]:
    if outcome.error:
        return {"account": outcome.email, "error": describe(outcome.error)}
    return outcome.result.model_dump(mode="json") if outcome.result else {}


def _row(outcome: Outcome) -> list[str | None]:
    counts = [getattr(outcome.result, name, None) for name in COUNTS]
    return [outcome.email, *(None if count is None else str(count) for count in counts)]
