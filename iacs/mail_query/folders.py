"""The folders of a mailbox."""

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote

from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.mail_query.answers import LINK_EXPIRED, LostPageError, concerns_mailbox
from iacs.mail_query.collaborators import Account
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.odata import encode
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import UnreadableFolder, read_folders
from iacs.mail_query.schema import MailFolder
from iacs.mail_query.side_by_side import side_by_side

_Items: TypeAlias = list[MailFolder | UnreadableFolder]

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

    `hidden` has the ids of hidden folders and of those within them, `unreadable` the names and reasons of folders
    that cannot be requested, `errors` those of folders of which the subfolders are unknown.
    """

    folders: dict[str, MailFolder] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    unreadable: list[UnreadableFolder] = field(default_factory=list)
    errors: dict[str, APIConnectionError] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether a folder that is not in the list is not in the mailbox."""
        return not self.unreadable and not self.errors

    def readable(self, *, hidden: bool) -> list[MailFolder]:
        """Return the folders with messages of their own; hidden ones only with `hidden`."""
        return [
            folder
            for folder in self.folders.values()
            if not is_search_folder(folder) and (hidden or folder.id not in self.hidden)
        ]

    def add(
        self, parent: MailFolder | None, items: Iterable[MailFolder | UnreadableFolder]
    ) -> list[MailFolder]:
        """Add a list of folders; return those that were not in the tree."""
        added = []
        for folder in items:
            if isinstance(folder, UnreadableFolder):
                self.unreadable.append(folder)
            elif folder.id not in self.folders:
                self.folders[folder.id] = folder
                added.append(folder)
                if is_hidden(folder) or (parent is not None and parent.id in self.hidden):
                    self.hidden.add(folder.id)
        return added


async def all_folders(graph: GraphClient, account: Account, *, everything: bool = False) -> FolderTree:
    """Return every folder, read side by side; those that are hidden, and search folders, only with `everything`.

    A folder that the list lacks counts as deleted, so a list that loses a page while it is read is read
    again. Raises GraphError if that does not help.
    """
    readings = 0
    while True:
        readings += 1
        tree = FolderTree()
        try:
            await _read_tree(graph, account, tree, everything=everything)
        except LostPageError:
            if readings == _READINGS:
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
    parents: list[MailFolder | None] = [None]
    for _ in range(_MAX_DEPTH + 1):
        lists = await side_by_side(
            [_read_list(graph, account, parent, size, everything=everything) for parent in parents]
        )
        added = [
            folder
            for parent, items in zip(parents, lists, strict=True)
            for folder in _added(tree, parent, items)
        ]
        parents = [folder for folder in added if folder.child_folder_count != 0]
        if not parents:
            return
    raise MalformedResponseError(f"the mailbox has folders within folders without end, over {_MAX_DEPTH}")


def _added(
    tree: FolderTree, parent: MailFolder | None, items: _Items | APIConnectionError
) -> list[MailFolder]:
    """Add a list of folders, or why it is missing."""
    if isinstance(items, APIConnectionError):
        if parent is not None:
            tree.errors[parent.id] = items
        return []
    return tree.add(parent, items)


async def _read_list(
    graph: GraphClient, account: Account, parent: MailFolder | None, size: PageSize, *, everything: bool
) -> _Items | APIConnectionError:
    """Return the folders of a folder, or those at the top, or an error that concerns this folder alone."""
    top = f"{mailbox_url(graph, account.mailbox_path)}/mailFolders"
    url = top if parent is None else f"{folder_url(graph, account.mailbox_path, parent.id)}/childFolders"
    options = {"$top": str(size.current)} | ({"includeHiddenFolders": "true"} if everything else {})
    reader = PageReader(graph, account.id, read_folders, size=size)
    items: _Items = []
    try:
        async with aclosing(reader.pages(f"{url}?{encode(options)}")) as pages:
            async for page in pages:
                items += [folder for folder in page.items if everything or not _is_search_item(folder)]
    except (GraphError, MalformedResponseError) as error:
        if parent is None or concerns_mailbox(error):
            raise
        return error
    return items


def _is_search_item(item: MailFolder | UnreadableFolder) -> bool:
    return isinstance(item, MailFolder) and is_search_folder(item)


def is_hidden(folder: MailFolder) -> bool:
    """Return whether Outlook hides the folder."""
    return (folder.model_extra or {}).get("isHidden") is True


def is_search_folder(folder: MailFolder) -> bool:
    """Return whether the folder's messages are in other folders, where they are read."""
    return (folder.model_extra or {}).get("@odata.type") == _SEARCH_FOLDER
