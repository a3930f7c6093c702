"""The folders of a mailbox."""

from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import quote

from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.mail_query.answers import LINK_EXPIRED, concerns_mailbox
from iacs.mail_query.collaborators import Account
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.odata import encode
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import UnreadableFolder, read_folders
from iacs.mail_query.schema import MailFolder

_SEARCH_FOLDER = "#microsoft.graph.mailSearchFolder"
"""The type of a folder whose messages are in other folders, where they are read."""

_PAGE_SIZE = 100

_MAX_DEPTH = 300
"""Exchange allows no more levels of folders."""

_READINGS = 3
"""The number of times that the list of folders is read, in case it changes while it is read."""


@dataclass(slots=True)
class FolderTree:
    """The folders of a mailbox by id, parents before their children, and what could not be read of the list.

    `unreadable` has the names and reasons of folders that cannot be requested, `errors` those of folders of which the
    subfolders are unknown.
    """

    folders: dict[str, MailFolder] = field(default_factory=dict)
    unreadable: list[UnreadableFolder] = field(default_factory=list)
    errors: dict[str, APIConnectionError] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether a folder that is not in the list is not in the mailbox."""
        return not self.unreadable and not self.errors


async def all_folders(graph: GraphClient, account: Account, *, everything: bool = False) -> FolderTree:
    """Return every folder; those that are hidden, and search folders, only with `everything`.

    A folder that the list lacks counts as deleted, so a list that loses a page while it is read is read
    again. Raises GraphError if that does not help.
    """
    readings = 0
    while True:
        readings += 1
        tree = FolderTree()
        try:
            await _read_tree(graph, account, tree, everything=everything)
        except GraphError as error:
            if readings == _READINGS or not tree.folders or error.status not in LINK_EXPIRED:
                raise
        else:
            is_lossy = any(error.status in LINK_EXPIRED for error in tree.errors.values())
            if readings == _READINGS or not is_lossy:
                return tree


def mailbox_url(graph: GraphClient, mailbox_path: str) -> str:
    """Return the address of a mailbox, below which its folders and messages are."""
    return f"{graph.url}/{mailbox_path}"


def folder_url(graph: GraphClient, mailbox_path: str, name: str) -> str:
    """Return the address of a folder, given its id or well-known name."""
    return f"{mailbox_url(graph, mailbox_path)}/mailFolders/{quote(name, safe='')}"


async def _read_tree(graph: GraphClient, account: Account, tree: FolderTree, *, everything: bool) -> None:
    """Add the folders, level by level; the subfolders of a folder may be missing, those of the mailbox not."""
    size = PageSize(_PAGE_SIZE)
    parents: deque[tuple[MailFolder | None, int]] = deque([(None, 0)])
    while parents:
        parent, depth = parents.popleft()
        if depth > _MAX_DEPTH:
            raise MalformedResponseError(f"the mailbox has folders within folders without end, over {depth}")
        try:
            for folder in await _read_list(graph, account, parent, size, tree, everything=everything):
                if folder.child_folder_count != 0:
                    parents.append((folder, depth + 1))
        except (GraphError, MalformedResponseError) as error:
            if parent is None or concerns_mailbox(error):
                raise
            tree.errors[parent.id] = error


async def _read_list(
    graph: GraphClient,
    account: Account,
    parent: MailFolder | None,
    size: PageSize,
    tree: FolderTree,
    *,
    everything: bool,
) -> list[MailFolder]:
    """Add the folders of a folder, or those at the top; return those that are not in the tree yet."""
    top = f"{mailbox_url(graph, account.mailbox_path)}/mailFolders"
    url = top if parent is None else f"{folder_url(graph, account.mailbox_path, parent.id)}/childFolders"
    options = {"$top": str(size.current)} | ({"includeHiddenFolders": "true"} if everything else {})
    added = []
    reader = PageReader(graph, account.id, read_folders, size=size)
    async with aclosing(reader.pages(f"{url}?{encode(options)}")) as pages:
        async for page in pages:
            for folder in page.items:
                if isinstance(folder, UnreadableFolder):
                    tree.unreadable.append(folder)
                elif folder.id not in tree.folders and (everything or not is_search_folder(folder)):
                    tree.folders[folder.id] = folder
                    added.append(folder)
    return added


def is_search_folder(folder: MailFolder) -> bool:
    """Return whether the folder's messages are in other folders, where they are read."""
    return (folder.model_extra or {}).get("@odata.type") == _SEARCH_FOLDER
