"""The counts of a sync, reported page by page."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iacs.core.exceptions import APIConnectionError
from iacs.mail_query.folder_rows import Cursor
from iacs.mail_query.page_store import StoredPage
from iacs.mail_query.schema import FolderResult, FolderState, MailFolder, SyncProgress, SyncResult

_COUNTS = ("seen", "new", "updated", "removed", "unreadable")


@dataclass(slots=True)
class _Folder:
    """The counts of a folder; `total` is the number of messages that it will return, None if unknown."""

    id: str
    name: str
    number: int
    total: int | None
    since: str | None = None
    state: FolderState = "pending"
    problem: str | None = None
    seen: int = 0
    new: int = 0

    def result(self) -> FolderResult:
        return FolderResult.model_construct(
            id=self.id,
            name=self.name,
            state=self.state,
            problem=self.problem,
            since=self.since,
            seen=self.seen,
            new=self.new,
        )


class Progress:
    """The counts of one sync; `callback` is called with them when it starts and after each page."""

    def __init__(self, account: str, callback: Callable[[SyncProgress], None] | None) -> None:
        self._account = account
        self._callback = callback
        self._folders: dict[str, _Folder] = {}
        self._unlisted: list[FolderResult] = []
        self._current = _Folder("", "", 0, None)
        self._expected: int | None = None
        self._has_new = asyncio.Event()
        self._has_ended = False
        self._counts = dict.fromkeys((*_COUNTS, "published"), 0)

    def begin(self, folders: Sequence[MailFolder], cursors: Mapping[str, Cursor]) -> None:
        """Record the folders; the number of messages is known of those that are read for the first time."""
        for number, folder in enumerate(folders, 1):
            cursor = cursors[folder.id]
            total = None if cursor.complete else folder.total_item_count
            self._folders[folder.id] = _Folder(
                folder.id, folder.display_name or "", number, total, cursor.since
            )
        known = [folder.total for folder in self._folders.values() if folder.total is not None]
        self._expected = sum(known) if known else None
        self.report()

    def add_failed(self, folder_id: str, name: str, problem: str) -> None:
        """Record a part of the list of folders that could not be read."""
        self._unlisted.append(
            FolderResult.model_construct(
                id=folder_id, name=name, state="failed", problem=problem, since=None, seen=0, new=0
            )
        )

    def add_page(self, folder_id: str, page: StoredPage) -> None:
        """Count a page of a folder and report it."""
        self._current = self._folders[folder_id]
        self._current.seen += page.seen
        self._current.new += page.new
        for name in _COUNTS:
            self._counts[name] += getattr(page, name)
        if page.new or page.updated:
            self._has_new.set()
        self.report()

    async def wait_for_new(self) -> bool:
        """Wait until a page with events may have been stored since the last call; return False at the end."""
        await self._has_new.wait()
        self._has_new.clear()
        return not self._has_ended

    def end(self) -> None:
        """Record that no page follows."""
        self._has_ended = True
        self._has_new.set()

    def total(self, folder_id: str) -> int | None:
        """Return the number of messages that a folder will return, None if unknown."""
        return self._folders[folder_id].total

    def finish(self, folder_id: str, state: FolderState) -> None:
        """Record how the sync of a folder ended."""
        self._folders[folder_id].state = state

    def fail(self, folder_id: str, error: APIConnectionError) -> None:
        """Record that a folder could not be synced, and report it."""
        self._current = self._folders[folder_id]
        self._current.state, self._current.problem = "failed", error.message_with_hint
        self.report()

    def add_removed(self, count: int) -> None:
        """Count the messages of a deleted folder."""
        self._counts["removed"] += count

    def add_published(self, count: int) -> None:
        """Count published events."""
        self._counts["published"] += count

    def report(self) -> None:
        """Call the callback with the counts so far."""
        if self._callback is not None:
            self._callback(
                SyncProgress.model_construct(
                    **self._fields(),
                    folder=self._current.name,
                    done=self._current.seen,
                    total=self._current.total,
                    expected=self._expected,
                    folder_number=self._current.number,
                )
            )

    def result(self) -> SyncResult:
        """Return the counts."""
        return SyncResult.model_construct(**self._fields())

    def counts(self) -> dict[str, int]:
        """Return the counts of folders, messages and events, by name."""
        return {"folders": len(self._folders), **self._counts}

    def summary(self) -> str:
        """Return the counts of messages and events as a text."""
        return ", ".join(f"{count} {name}" for name, count in self._counts.items())

    def _fields(self) -> dict[str, Any]:
        return {
            "account": self._account,
            "folders": len(self._folders),
            "folder_results": (*(folder.result() for folder in self._folders.values()), *self._unlisted),
            **self._counts,
        }
