"""The folders of a mailbox."""

from collections import deque
from urllib.parse import quote

from iacs.core.exceptions import GraphError
from iacs.mail_query.answers import LINK_EXPIRED
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.odata import encode
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import read_folders
from iacs.mail_query.schema import MailFolder

_SEARCH_FOLDER = "#microsoft.graph.mailSearchFolder"
"""The type of a folder whose messages are in other folders, where they are read."""

_PAGE_SIZE = 100

_READINGS = 3
"""The number of times that the list of folders is read, in case it changes while it is read."""


async def all_folders(graph: GraphClient, account_id: str) -> list[MailFolder]:
    """Return every folder that is not hidden, parents before their children.

    A folder that the list lacks counts as deleted, so a list that loses a page while it is read is read
    again. Raises GraphError if that does not help.
    """
    readings = 0
    while True:
        readings += 1
        folders: dict[str, MailFolder] = {}
        try:
            await _read_tree(graph, account_id, folders)
        except GraphError as error:
            if readings == _READINGS or not folders or error.status not in LINK_EXPIRED:
                raise
        else:
            return list(folders.values())


def mailbox_url(graph: GraphClient) -> str:
    """Return the address of the mailbox, below which its folders and messages are."""
    return f"{graph.url}/me"


def folder_url(graph: GraphClient, name: str) -> str:
    """Return the address of a folder, given its id or well-known name."""
    return f"{mailbox_url(graph)}/mailFolders/{quote(name, safe='')}"


async def _read_tree(graph: GraphClient, account_id: str, folders: dict[str, MailFolder]) -> None:
    """Add the folders by their ids, level by level."""
    lists = deque([f"{mailbox_url(graph)}/mailFolders"])
    size = PageSize(_PAGE_SIZE)
    while lists:
        url = f"{lists.popleft()}?{encode({'$top': str(size.current)})}"
        async for page in graph.pages(account_id, url, read_folders, size=size):
            for folder in page.items:
                is_search = (folder.model_extra or {}).get("@odata.type") == _SEARCH_FOLDER
                if folder.id not in folders and not is_search:
                    folders[folder.id] = folder
                    if folder.child_folder_count != 0:
                        lists.append(f"{folder_url(graph, folder.id)}/childFolders")
