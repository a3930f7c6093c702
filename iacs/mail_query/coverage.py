"""What is stored of a mailbox, beside what Graph has."""

from collections.abc import Collection, Mapping

from iacs.core.clock import now, to_text
from iacs.core.database import Database
from iacs.core.exceptions import GraphError
from iacs.core.transaction import Row, Transaction
from iacs.mail_query import mailbox_rows, message_rows
from iacs.mail_query.collaborators import Account
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.folders import FolderTree, all_folders, folder_url, is_search_folder
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
        recoverable = await self._recoverable(account)
        await self._database.run(self._store, account.id, tree, stored, recoverable)
        return Coverage(
            account=account.email,
            folders=tuple(
                _folder(folder, stored, hidden=folder.id in tree.hidden) for folder in tree.folders.values()
            ),
            recoverable=recoverable,
            unlisted=(
                *(f"{folder.name or 'a folder'}: {folder.reason}" for folder in tree.unreadable),
                *(f"subfolders of {name}: {error}" for name, error in tree.errors.items()),
            ),
        )

    @staticmethod
    def _store(
        tx: Transaction, account_id: str, tree: FolderTree, stored: Collection[str], recoverable: int | None
    ) -> None:
        store_hidden(tx, account_id, tree, stored)
        mailbox_rows.store_recoverable(tx, account_id, recoverable)

    async def _recoverable(self, account: Account) -> int | None:
        try:
            url = folder_url(self._graph, account.mailbox_path, _RECOVERABLE)
            return await self._graph.get(account.id, url, read_folder_count, once=True)
        except GraphError:
            return None


def store_hidden(tx: Transaction, account_id: str, tree: FolderTree, stored: Collection[str]) -> None:
    """Store the number of hidden folders that are not synced, and of their messages, for the health."""
    hidden = [
        folder
        for folder in tree.readable(hidden=True)
        if folder.id in tree.hidden and folder.id not in stored
    ]
    mailbox_rows.store_hidden(
        tx,
        account_id,
        folders=len(hidden),
        messages=sum(folder.total_item_count or 0 for folder in hidden),
        at=to_text(now()),
    )


def _folder(folder: MailFolder, stored: Mapping[str, Row], *, hidden: bool) -> FolderCoverage:
    row = stored.get(folder.id, {})
    names = ("stored", "unreadable", "since", "synced_at", "problem")
    return FolderCoverage(
        id=folder.id,
        name=folder.display_name or "",
        state=_state(folder, row, hidden=hidden),
        in_graph=folder.total_item_count,
        **{name: row[name] for name in names if name in row},
    )


def _state(folder: MailFolder, row: Row, *, hidden: bool) -> CoverageState:
    if not row and is_search_folder(folder):
        return "search"
    if not row and hidden:
        return "hidden"
    if row.get("problem"):
        return "failed"
    return "synced" if row.get("synced_at") else "pending"
