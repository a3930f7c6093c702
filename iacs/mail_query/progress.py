"""The count that a sync keeps, and reports page by page."""

from collections.abc import Callable, Mapping, Sequence

from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import MailFolder, SyncProgress, SyncResult
from iacs.mail_query.storing import StoredPage


class Progress:
    """Count what one sync does; `report` hears of every page."""

    def __init__(self, account: str, report: Callable[[SyncProgress], None] | None) -> None:
        self.account = account
        self.removed = 0
        self._report = report
        self._folders = 0
        self._entered = 0
        self._folder = ""
        self._done = 0
        self._total: int | None = None
        self._expected: int | None = None
        self._seen = self._new = self._updated = self._unreadable = 0

    def begin(self, folders: Sequence[MailFolder], cursors: Mapping[str, Cursor]) -> None:
        """Note what is to come: the folders that have not been gone through tell how much they hold."""
        totals = [_total(folder, cursors[folder.id]) for folder in folders]
        known = [total for total in totals if total is not None]
        self._folders = len(folders)
        self._expected = sum(known) if known else None

    def enter(self, folder: MailFolder, at: Cursor) -> None:
        """Begin to count a folder."""
        self._entered += 1
        self._folder = folder.display_name or ""
        self._done = 0
        self._total = _total(folder, at)

    def add(self, page: StoredPage) -> None:
        """Count a page and report it."""
        self._done += page.seen
        self._seen += page.seen
        self._new += page.new
        self._updated += page.updated
        self._unreadable += page.unreadable
        self.removed += page.removed
        if self._report is not None:
            self._report(self._progress())

    def result(self, *, published: int) -> SyncResult:
        """Return the whole count."""
        return SyncResult(
            account=self.account,
            folders=self._folders,
            seen=self._seen,
            new=self._new,
            updated=self._updated,
            removed=self.removed,
            unreadable=self._unreadable,
            published=published,
        )

    def _progress(self) -> SyncProgress:
        return SyncProgress(
            account=self.account,
            folder=self._folder,
            done=self._done,
            total=self._total,
            seen=self._seen,
            expected=self._expected,
            folder_number=self._entered,
            folders=self._folders,
        )


def _total(folder: MailFolder, at: Cursor) -> int | None:
    return None if at.walked else folder.total_item_count
