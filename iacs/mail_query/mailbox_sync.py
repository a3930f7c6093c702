"""The sync of one mailbox: all of its folders, one after another."""

from iacs.core.clock import now, to_text
from iacs.core.database import Database
from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.core.logger import Logger
from iacs.mail_query import repository
from iacs.mail_query.collaborators import Account
from iacs.mail_query.events import MailLocation
from iacs.mail_query.folder_sync import FolderSync
from iacs.mail_query.folders import all_folders
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.progress import Progress

_OUTAGE = 3
"""The number of consecutive folders with a status of 500 or above after which Graph counts as down."""


class MailboxSync:
    """The sync of mailboxes; several processes may sync the same one."""

    def __init__(
        self, database: Database, graph: GraphClient, folders: FolderSync, *, logger: Logger
    ) -> None:
        self._database = database
        self._graph = graph
        self._folders = folders
        self._logger = logger

    async def run(self, account: Account, progress: Progress) -> None:
        """Sync every folder, and drop those that the mailbox no longer has.

        A folder that fails does not stop the others: the first error is raised at the end, and names the
        folders. An error that concerns the whole mailbox is raised immediately.
        """
        folders = await all_folders(self._graph, account.id)
        cursors = await self._database.run(repository.upsert_folders, account.id, folders)
        progress.begin(folders, cursors)
        failures = _Failures()
        for folder in folders:
            cursor = cursors.pop(folder.id)
            progress.begin_folder(folder, cursor)
            location = MailLocation(account.email, account.id, folder.display_name or "", folder.id)
            try:
                await self._folders.run(location, cursor, progress)
            except (GraphError, MalformedResponseError) as error:
                failures.add(folder.display_name or folder.id, error)
                self._logger.warning("mail folder not synced", folder=location.folder, reason=str(error))
            else:
                failures.note_success()
        for folder_id in cursors:
            progress.add_removed(
                await self._database.run(repository.drop_folder, account.id, folder_id, to_text(now()))
            )
        failures.raise_first()


class _Failures:
    """The errors of folders, by name."""

    def __init__(self) -> None:
        self._errors: dict[str, APIConnectionError] = {}
        self._in_a_row = 0

    def add(self, folder: str, error: APIConnectionError) -> None:
        """Record an error; raise it if the other folders would fail in the same way."""
        self._in_a_row += error.status is not None and error.status >= 500
        if error.status in (401, 429) or self._in_a_row == _OUTAGE:
            raise error
        self._errors[folder] = error

    def note_success(self) -> None:
        """Record that Graph answers."""
        self._in_a_row = 0

    def raise_first(self) -> None:
        """Raise the first error, if any, with the names of all folders that failed."""
        for error in self._errors.values():
            error.args = (f"could not sync the mail folder {', '.join(self._errors)}: {error}",)
            raise error
