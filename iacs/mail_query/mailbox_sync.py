"""The sync of one mailbox: all of its folders, several at a time."""

from collections.abc import Iterator

from iacs.core.clock import now, to_text
from iacs.core.database import Database
from iacs.core.exceptions import APIConnectionError, GraphError, MailQueryError
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction
from iacs.mail_query import folder_rows, mailbox_rows
from iacs.mail_query.answers import concerns_mailbox
from iacs.mail_query.collaborators import Account
from iacs.mail_query.coverage import store_hidden
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.events import MailLocation
from iacs.mail_query.folder_rows import Advance, Cursor
from iacs.mail_query.folder_sync import FolderSync
from iacs.mail_query.folders import FolderTree, all_folders, folder_url
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.page_store import drop_folder
from iacs.mail_query.pages import read_folder_id
from iacs.mail_query.progress import Progress
from iacs.mail_query.schema import MailFolder
from iacs.mail_query.side_by_side import side_by_side
from iacs.mail_query.sync_options import SyncOptions

_OUTAGE = 3
"""After so many consecutive folders without a response, or with a status of 500 or above, Graph counts as down."""


class MailboxSync:
    """The sync of mailboxes, `concurrency` folders at a time; several processes may sync the same one."""

    def __init__(
        self,
        database: Database,
        graph: GraphClient,
        folders: FolderSync,
        *,
        concurrency: int,
        hidden_folders: bool = False,
        logger: Logger,
    ) -> None:
        self._hidden_folders = hidden_folders
        self._database = database
        self._graph = graph
        self._folders = folders
        self._concurrency = concurrency
        self._logger = logger

    async def run(self, account: Account, progress: Progress, options: SyncOptions) -> None:
        """Sync the folders of the options, and drop those that the mailbox no longer has.

        A folder that fails is set aside: `progress` has its reason. An error that concerns the whole mailbox is
        raised immediately, and that of a folder at the end if every folder failed.
        """
        with naming_the_mailbox(account):
            tree = await all_folders(self._graph, account, everything=True)
        folders = await self._chosen(account, tree, options.folders)
        cursors, began_at = await self._database.run(self._begin, account.id, tree, folders, options)
        progress.begin(folders, cursors)
        self._report(tree, progress)
        failures = _Failures()
        announced_from = began_at if options.announce == "new" else None
        locations = [
            MailLocation(
                account.email,
                account.id,
                folder.display_name or "",
                folder.id,
                account.mailbox_path,
                announced_from,
            )
            for folder in folders
        ]
        await self._sync_folders(
            account.id,
            [(location, cursors[location.folder_id]) for location in locations],
            progress,
            failures,
        )
        for folder_id in cursors.keys() - tree.folders.keys() if tree.is_complete else ():
            progress.add_removed(await self._database.run(drop_folder, account.id, folder_id, to_text(now())))
        if folders and len(failures.errors) == len(folders):
            raise failures.first()

    @staticmethod
    def _begin(
        tx: Transaction, account_id: str, tree: FolderTree, folders: list[MailFolder], options: SyncOptions
    ) -> tuple[dict[str, Cursor], str]:
        """Store the folders; return the cursors of all stored folders, and when the first sync began."""
        mailbox_rows.lock_mailbox(tx, account_id)
        since = to_text(options.since) if options.since else None
        cursors = folder_rows.upsert_folders(tx, account_id, folders, since=since)
        store_hidden(tx, account_id, tree, cursors)
        return cursors, mailbox_rows.first_sync(tx, account_id, to_text(now()))

    def _report(self, tree: FolderTree, progress: Progress) -> None:
        """Report what the list of folders lacks; no folder counts as deleted then."""
        for folder in tree.unreadable:
            progress.add_failed("", folder.name or "", f"the folder cannot be read: {folder.reason}")
            self._logger.warning("mail folder unreadable", folder=folder.name, reason=folder.reason)
        for folder_id, error in tree.errors.items():
            name = tree.folders[folder_id].display_name or ""
            if self._hidden_folders or folder_id not in tree.hidden:
                problem = f"its subfolders cannot be listed: {error.message_with_hint}"
                progress.add_failed(folder_id, name, problem)
            self._logger.warning("mail subfolders not listed", folder=name, reason=str(error))

    async def _chosen(self, account: Account, tree: FolderTree, names: tuple[str, ...]) -> list[MailFolder]:
        """Return the folders with these ids, names or well-known names, in the order of the tree.

        Without names these are all; hidden ones only if the service reads them.
        """
        if not names:
            return tree.readable(hidden=self._hidden_folders)
        folders, chosen = tree.readable(hidden=True), set[str]()
        for name in names:
            matches = {
                folder.id
                for folder in folders
                if name == folder.id or name.lower() == (folder.display_name or "").lower()
            }
            chosen |= matches or {await self._well_known(account, name)}
        return [folder for folder in folders if folder.id in chosen]

    async def _well_known(self, account: Account, name: str) -> str:
        """Return the id of a folder such as inbox; raise MailQueryError if there is none of that name."""
        try:
            url = folder_url(self._graph, account.mailbox_path, name)
            return await self._graph.get(account.id, url, read_folder_id)
        except GraphError as error:
            if error.status not in (400, 404):
                raise
            raise MailQueryError(
                f"the mailbox has no folder '{name}'", hint="list them with: iacs mail coverage"
            ) from error

    async def _sync_folders(
        self,
        account_id: str,
        folders: list[tuple[MailLocation, Cursor]],
        progress: Progress,
        failures: "_Failures",
    ) -> None:
        """Sync folders side by side.

        Where all were read before, as many folders wait with their next request as have one under way: a folder without
        changes takes one request, and the mailbox would have fewer requests than it may while an answer is processed.
        """
        remaining = iter(folders)
        are_known = all(cursor.complete for _, cursor in folders)
        workers = self._concurrency * (2 if are_known else 1)
        await side_by_side(
            self._work(account_id, remaining, progress, failures) for _ in range(min(workers, len(folders)))
        )

    async def _work(
        self,
        account_id: str,
        remaining: Iterator[tuple[MailLocation, Cursor]],
        progress: Progress,
        failures: "_Failures",
    ) -> None:
        idle: list[Advance] = []
        for location, cursor in remaining:
            folder_id = location.folder_id
            try:
                advance = await self._folders.run(location, cursor, progress, once=failures.is_outage)
            except APIConnectionError as error:
                failures.add(location.folder or folder_id, error)
                progress.fail(folder_id, error)
                self._logger.warning("mail folder not synced", folder=location.folder, reason=str(error))
                await self._database.run(
                    folder_rows.store_problem, account_id, folder_id, str(error), failed_at=to_text(now())
                )
            else:
                failures.note_success()
                idle += [advance] if advance else []
        if idle:
            idle.sort(key=lambda advance: advance.cursor.folder_id)  # so that two syncs cannot deadlock
            await self._database.run(folder_rows.advance_idle, account_id, idle, synced_at=to_text(now()))


class _Failures:
    """The errors of folders, by name."""

    def __init__(self) -> None:
        self.errors: dict[str, APIConnectionError] = {}
        self._in_a_row = 0

    @property
    def is_outage(self) -> bool:
        """Whether Graph seems to be down, so that other folders are requested only once each."""
        return self._in_a_row >= _OUTAGE

    def add(self, folder: str, error: APIConnectionError) -> None:
        """Record an error; raise it if the other folders would fail in the same way."""
        self._in_a_row += error.status is None or error.status >= 500
        if concerns_mailbox(error) or (self.is_outage and error.status is None):
            raise error
        self.errors[folder] = error

    def note_success(self) -> None:
        """Record that Graph answers."""
        self._in_a_row = 0

    def first(self) -> APIConnectionError:
        """Return the first error, with the names of the folders that failed."""
        error, names = next(iter(self.errors.values())), list(self.errors)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        error.args = (f"could not sync the mail folder {', '.join(names[:3])}{more}: {error}",)
        return error
