"""The sync of one mailbox: all of its folders, several at a time."""

import asyncio
from collections.abc import Iterator

from iacs.core.clock import now, to_text
from iacs.core.database import Database
from iacs.core.exceptions import APIConnectionError
from iacs.core.logger import Logger
from iacs.mail_query import repository
from iacs.mail_query.answers import concerns_mailbox
from iacs.mail_query.collaborators import Account
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.events import MailLocation
from iacs.mail_query.folder_sync import FolderSync
from iacs.mail_query.folders import FolderTree, all_folders
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.progress import Progress
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import MailFolder

_OUTAGE = 3
"""The number of consecutive folders without an answer or with a status of 500 and above that is no chance."""


class MailboxSync:
    """The sync of mailboxes, `concurrency` folders at a time; several processes may sync the same one."""

    def __init__(
        self,
        database: Database,
        graph: GraphClient,
        folders: FolderSync,
        *,
        concurrency: int,
        logger: Logger,
    ) -> None:
        self._database = database
        self._graph = graph
        self._folders = folders
        self._concurrency = concurrency
        self._logger = logger

    async def run(self, account: Account, progress: Progress) -> None:
        """Sync every folder, and drop those that the mailbox no longer has.

        A folder that fails is set aside: `progress` has its reason. An error that concerns the whole mailbox is
        raised immediately, and that of a folder at the end if every folder failed.
        """
        with naming_the_mailbox(account):
            tree = await all_folders(self._graph, account)
        folders = list(tree.folders.values())
        cursors = await self._database.run(repository.upsert_folders, account.id, folders)
        progress.begin(folders, cursors)
        self._report(tree, progress)
        failures = _Failures()
        await self._sync_folders(
            account, [(folder, cursors.pop(folder.id)) for folder in folders], progress, failures
        )
        for folder_id in cursors if tree.is_complete else ():
            progress.add_removed(
                await self._database.run(repository.drop_folder, account.id, folder_id, to_text(now()))
            )
        if folders and len(failures.errors) == len(folders):
            raise failures.first()

    def _report(self, tree: FolderTree, progress: Progress) -> None:
        """Report what the list of folders lacks; no folder counts as deleted then."""
        for folder in tree.unreadable:
            progress.add_failed("", folder.name or "", f"the folder cannot be read: {folder.reason}")
            self._logger.warning("mail folder unreadable", folder=folder.name, reason=folder.reason)
        for folder_id, error in tree.errors.items():
            name = tree.folders[folder_id].display_name or ""
            progress.add_failed(
                folder_id, name, f"its subfolders cannot be listed: {error.message_with_hint}"
            )
            self._logger.warning("mail subfolders not listed", folder=name, reason=str(error))

    async def _sync_folders(
        self,
        account: Account,
        folders: list[tuple[MailFolder, Cursor]],
        progress: Progress,
        failures: "_Failures",
    ) -> None:
        remaining = iter(folders)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._concurrency, len(folders))):
                    workers.create_task(self._work(account, remaining, progress, failures))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _work(
        self,
        account: Account,
        remaining: Iterator[tuple[MailFolder, Cursor]],
        progress: Progress,
        failures: "_Failures",
    ) -> None:
        for folder, cursor in remaining:
            name = folder.display_name or ""
            location = MailLocation(account.email, account.id, name, folder.id, account.mailbox_path)
            try:
                await self._folders.run(location, cursor, progress, once=failures.is_outage)
            except APIConnectionError as error:
                failures.add(name or folder.id, error)
                progress.fail(folder.id, error)
                self._logger.warning("mail folder not synced", folder=name, reason=str(error))
                await self._database.run(
                    repository.store_problem, account.id, folder.id, str(error), failed_at=to_text(now())
                )
            else:
                failures.note_success()


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
        """Return the first error, with the names of all folders that failed."""
        error = next(iter(self.errors.values()))
        error.args = (f"could not sync the mail folder {', '.join(self.errors)}: {error}",)
        return error
