"""What is stored of a mailbox, beside what Graph has."""

from collections.abc import Mapping

from iacs.core.database import Database
from iacs.core.exceptions import GraphError
from iacs.core.transaction import Row
from iacs.mail_query import message_rows
from iacs.mail_query.collaborators import Account
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.folders import all_folders, folder_url, is_search_folder
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.pages import read_folder_count
from iacs.mail_query.schema import Coverage, CoverageState, FolderCoverage, MailFolder

_RECOVERABLE = "recoverableitemsdeletions"


class MailCoverage:
    """A comparison of mailboxes with what is stored of them."""

    def __init__(self, database: Database, graph: GraphClient) -> None:
        self._database = database
        self._graph = graph

    async def of(self, account: Account) -> Coverage:
        """Return the coverage of a mailbox, as Graph and the database have it now."""
        with naming_the_mailbox(account):
            tree = await all_folders(self._graph, account, everything=True)
        stored = await self._database.read(message_rows.stored_counts, account.id)
        return Coverage(
            account=account.email,
            folders=tuple(_folder(folder, stored) for folder in tree.folders.values()),
            recoverable=await self._recoverable(account),
            unlisted=(
                *(f"{folder.name or 'a folder'}: {folder.reason}" for folder in tree.unreadable),
                *(f"subfolders of {name}: {error}" for name, error in tree.errors.items()),
            ),
        )

    async def _recoverable(self, account: Account) -> int | None:
        try:
            url = folder_url(self._graph, account.mailbox_path, _RECOVERABLE)
            return await self._graph.get(account.id, url, read_folder_count, once=True)
        except GraphError:
            return None


def _folder(folder: MailFolder, stored: Mapping[str, Row]) -> FolderCoverage:
    row = stored.get(folder.id, {})
    names = ("stored", "unreadable", "since", "synced_at", "problem")
    return FolderCoverage(
        id=folder.id,
        name=folder.display_name or "",
        state=_state(folder, row),
        in_graph=folder.total_item_count,
        **{name: row[name] for name in names if name in row},
    )


def _state(folder: MailFolder, row: Row) -> CoverageState:
    if not row and is_search_folder(folder):
        return "search"
    if not row and (folder.model_extra or {}).get("isHidden") is True:
        return "hidden"
    if row.get("problem"):
        return "failed"
    return "synced" if row.get("synced_at") else "pending"
