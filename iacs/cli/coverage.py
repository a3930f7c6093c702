"""`iacs mail coverage`: what is stored of mailboxes beside what Graph has."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from iacs.cli.output import note, print_json
from iacs.cli.sync import active_accounts
from iacs.cli.table import print_table

if TYPE_CHECKING:
    from iacs.cli.running import App
    from iacs.mail_query import Coverage

TITLES = ("account", "folder", "state", "in Graph", "stored", "unreadable")

NEVER = (
    "not synced: hidden folders unless named, search folders, in-place archives, public folders, and mail that was"
    " removed from Deleted Items; see docs/coverage.md"
)


async def all_coverage(app: "App", emails: Sequence[str]) -> "list[Coverage]":
    """Return the coverage of these accounts, or of all that are signed in."""
    service = app.container.mail_query().service()
    accounts = list(dict.fromkeys(emails)) or await active_accounts(app.container.account().service())
    return [await service.coverage(email) for email in accounts]


def report(coverages: "Sequence[Coverage]", *, json: bool) -> None:
    """Print a row per folder, and on standard error what no folder shows."""
    if json:
        for coverage in coverages:
            print_json(coverage.model_dump(mode="json"))
        return
    print_table(TITLES, [row for coverage in coverages for row in _rows(coverage)])
    for coverage in coverages:
        for text in _notes(coverage):
            note(f"{coverage.account}: {text}")
    note(NEVER)


def _rows(coverage: "Coverage") -> Iterator[tuple[str | None, ...]]:
    for folder in coverage.folders:
        in_graph = None if folder.in_graph is None else str(folder.in_graph)
        counts = in_graph, str(folder.stored), str(folder.unreadable)
        yield coverage.account, folder.name or folder.id, folder.state, *counts


def _notes(coverage: "Coverage") -> Iterator[str]:
    for folder in coverage.folders:
        if folder.problem:
            yield f"folder {folder.name or folder.id}: {folder.problem}"
        if folder.since:
            yield f"folder {folder.name or folder.id}: no mail received before {folder.since}"
    yield from (f"not listed: {text}" for text in coverage.unlisted)
    if coverage.recoverable:
        yield f"{coverage.recoverable} deleted messages are recoverable in Exchange and not synced"
