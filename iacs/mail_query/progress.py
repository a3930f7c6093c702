"""The counts of a sync, reported page by page."""

from collections.abc import Callable, Mapping, Sequence

from iacs.mail_query.page_store import StoredPage
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import MailFolder, SyncProgress, SyncResult


class Progress:
    """The counts of one sync; `callback` is called with them when it starts and after each page."""

    def __init__(self, account: str, callback: Callable[[SyncProgress], None] | None) -> None:
        self._account = account
        self._callback = callback
        self._folders = 0
        self._folder_number = 0
        self._folder = ""
        self._done = 0
        self._total: int | None = None
        self._expected: int | None = None
        self._seen = self._new = self._updated = self._removed = self._unreadable = self._published = 0

    def begin(self, folders: Sequence[MailFolder], cursors: Mapping[str, Cursor]) -> None:
        """Record the folders; the number of messages is known of those that are read for the first time."""
        totals = [_total(folder, cursors[folder.id]) for folder in folders]
        known = [total for total in totals if total is not None]
        self._folders = len(folders)
        self._expected = sum(known) if known else None
        self.report()

    def begin_folder(self, folder: MailFolder, cursor: Cursor) -> None:
        """Start counting a folder."""
        self._folder_number += 1
        self._folder = folder.display_name or ""
        self._done = 0
        self._total = _total(folder, cursor)

    def add_page(self, page: StoredPage) -> None:
        """Count a page and report it."""
        self._done += page.seen
        self._seen += page.seen
        self._new += page.new
        self._updated += page.updated
        self._removed += page.removed
        self._unreadable += page.unreadable
        self.report()

    def add_removed(self, count: int) -> None:
        """Count the messages of a deleted folder."""
        self._removed += count

    def add_published(self, count: int) -> None:
        """Count published events."""
        self._published += count

    def report(self) -> None:
        """Call the callback with the counts so far."""
        if self._callback is not None:
            self._callback(
                SyncProgress(
                    **self.result().model_dump(),
                    folder=self._folder,
                    done=self._done,
                    total=self._total,
                    expected=self._expected,
                    folder_number=self._folder_number,
                )
            )

    def result(self) -> SyncResult:
        """Return the counts."""
        return SyncResult(
            account=self._account,
            folders=self._folders,
            seen=self._seen,
            new=self._new,
            updated=self._updated,
            removed=self._removed,
            unreadable=self._unreadable,
            published=self._published,
        )


def _total(folder: MailFolder, cursor: Cursor) -> int | None:
    return None if cursor.complete else folder.total_item_count
