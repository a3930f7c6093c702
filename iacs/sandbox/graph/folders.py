"""Mail folders."""

from typing import Any

from aiohttp import web

from iacs.sandbox.directory import Person
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.errors import not_found
from iacs.sandbox.graph.listing import page, select_properties
from iacs.sandbox.mail.mailbox import Folder, Mailbox

_PROPERTIES = frozenset({
    "id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount",
    "sizeInBytes", "isHidden",
})  # fmt: skip


def find_folder(mailbox: Mailbox, key: str) -> Folder:
    """Return the folder with this id or well-known name; raises GraphError."""
    folder = mailbox.folder(key)
    if folder is None:
        raise not_found("The folder could not be found.")
    return folder


def _as_graph(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    messages = folder.messages.values()
    return {
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent.id if folder.parent else folder.id,
        "childFolderCount": len(mailbox.children(folder)),
        "unreadItemCount": sum(not message.get("isRead") for message in messages),
        "totalItemCount": len(messages),
        "sizeInBytes": sum(len(message.raw) for message in messages),
        "isHidden": False,
    }


def list_folders(call: Call, person: Person, parent: str = "msgfolderroot") -> web.Response:
    """Return a page of the folders directly inside another."""
    mailbox = person.mailbox
    folders = mailbox.children(find_folder(mailbox, parent))
    part, link = page(call, [folder.id for folder in folders])
    select = call.query.get("$select", "")
    rows = [
        select_properties(_as_graph(mailbox, folder), select, _PROPERTIES, "mailFolder")
        for folder in folders[part]
    ]
    context = f"{call.base}/$metadata#users('{person.object_id}')/mailFolders"
    count = {"@odata.count": len(folders)} if call.query.get("$count") == "true" else {}
    return call.answer({"@odata.context": context, **count, "value": rows, **link})


def get_folder(call: Call, person: Person, key: str) -> web.Response:
    """Return one folder."""
    row = _as_graph(person.mailbox, find_folder(person.mailbox, key))
    return call.answer(select_properties(row, call.query.get("$select", ""), _PROPERTIES, "mailFolder"))
