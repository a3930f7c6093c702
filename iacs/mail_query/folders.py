"""The folders of a mailbox."""

from collections import deque
from urllib.parse import quote

from iacs.mail_query.graph import GraphClient
from iacs.mail_query.odata import encode
from iacs.mail_query.pages import read_folders
from iacs.mail_query.schema import MailFolder

_SEARCH_FOLDER = "#microsoft.graph.mailSearchFolder"
"""Shows messages of other folders, where they are found anyway."""


async def all_folders(graph: GraphClient, account_id: str) -> list[MailFolder]:
    """Return every folder that is not hidden, parents before their children."""
    folders: dict[str, MailFolder] = {}
    waiting = deque([f"{graph.url}/me/mailFolders"])
    while waiting:
        for folder in await _listed(graph, account_id, waiting.popleft()):
            if folder.id not in folders and not _is_search(folder):
                folders[folder.id] = folder
                if folder.child_folder_count != 0:
                    waiting.append(f"{folder_url(graph, folder.id)}/childFolders")
    return list(folders.values())


def folder_url(graph: GraphClient, name: str) -> str:
    """Return the address of a folder, given its id or well-known name."""
    return f"{graph.url}/me/mailFolders/{quote(name, safe='')}"


async def _listed(graph: GraphClient, account_id: str, url: str) -> list[MailFolder]:
    url = f"{url}?{encode({'$top': '100'})}"
    return [folder async for page in graph.pages(account_id, url, read_folders) for folder in page.items]


def _is_search(folder: MailFolder) -> bool:
    return (folder.model_extra or {}).get("@odata.type") == _SEARCH_FOLDER
