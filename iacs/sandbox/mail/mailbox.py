"""A mailbox in memory: its folders with their histories for delta, and its messages."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from iacs.sandbox.mail.properties import read_properties

_WELL_KNOWN = {
    "inbox": "Inbox",
    "sentitems": "Sent Items",
    "drafts": "Drafts",
    "deleteditems": "Deleted Items",
    "archive": "Archive",
    "junkemail": "Junk Email",
}


def _digest(*parts: str | bytes) -> bytes:
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "big") + data)
    return hasher.digest()


def _id(prefix: str, *parts: str | bytes) -> str:
    """Return an id like those of Exchange: long, case-sensitive, safe in a URL."""
    return prefix + base64.urlsafe_b64encode(_digest(prefix, *parts)[:30]).decode() + "AAA="


@dataclass(frozen=True)
class Change:
    """An entry of a folder's history: the message as it was after the change."""

    message: "StoredMessage"
    kind: str
    """created, updated or deleted."""
    mutable_id: str
    """The id of the message in this folder; it changes when the message moves."""


@dataclass(eq=False)
class Folder:
    """A folder; its history only grows."""

    id: str
    name: str
    well_known: str | None
    parent: "Folder | None"
    messages: dict[str, "StoredMessage"] = field(default_factory=dict)
    """By immutable id."""
    history: list[Change] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=lambda: [""])
    """At index n, the hash of the first n changes: the same for the same files."""
    created: dict[str, int] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    """Immutable id to the index of its latest change; `created` likewise of its latest arrival."""

    def record(self, kind: str, message: "StoredMessage") -> None:
        """Append to the history."""
        self.latest[message.immutable_id] = len(self.history)
        if kind == "created":
            self.created[message.immutable_id] = len(self.history)
        self.history.append(Change(message, kind, message.mutable_id))
        line = (self.fingerprints[-1], kind, message.immutable_id, message.change_key)
        self.fingerprints.append(base64.urlsafe_b64encode(_digest(*line)[:12]).decode())


@dataclass(eq=False)
class StoredMessage:
    """A message: its original bytes, its folder, and the properties that the mailbox sets."""

    raw: bytes
    immutable_id: str
    folder: Folder
    overrides: dict[str, Any] = field(default_factory=dict)
    """Properties that take precedence over those of the file: isRead, flag, isDraft, categories."""

    @cached_property
    def properties(self) -> dict[str, Any]:
        """The properties in the file, parsed on first use."""
        return read_properties(self.raw)

    @property
    def mutable_id(self) -> str:
        """The id that changes when the message moves."""
        return _id("AAMkAG", self.folder.id, self.immutable_id)

    @property
    def change_key(self) -> str:
        """A key that changes whenever the message does."""
        return base64.b64encode(_digest(self.mutable_id, repr(sorted(self.overrides.items())))[:18]).decode()

    def get(self, name: str) -> Any:
        """Return one property."""
        return self.overrides[name] if name in self.overrides else self.properties.get(name)

    def as_graph(self, *, immutable: bool = False) -> dict[str, Any]:
        """Return all properties, with the immutable or the mutable id."""
        return {
            "@odata.etag": f'W/"{self.change_key}"',
            "id": self.immutable_id if immutable else self.mutable_id,
            "changeKey": self.change_key,
            "parentFolderId": self.folder.id,
            **self.properties,
            **self.overrides,
        }


Entry = tuple[Any, ...]
"""A method of Mailbox that changed it, and its arguments."""


class Mailbox:
    """The mail of a person; a test may add, change, move and remove messages while the cloud runs."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.version = 0
        self.journal: list[Entry] = []
        """Every change since the mailbox was empty."""
        self._copies: Counter[bytes] = Counter()
        self._messages: dict[str, StoredMessage] = {}
        self._by_mutable: dict[str, StoredMessage] = {}
        self.root = Folder(_id("AQMkAG", address, "root"), "Top of Information Store", "msgfolderroot", None)
        self.folders: dict[str, Folder] = {self.root.id: self.root}
        for well_known, name in _WELL_KNOWN.items():
            self._new_folder(self.root, name, well_known)

    def replay(self, entry: Entry) -> None:
        """Repeat a change of a journal."""
        match entry:
            case ("add", raw, folder, properties):
                self.add(raw, folder, **properties)
            case ("change", message_id, properties):
                self.change(message_id, **properties)
            case (method, *arguments):
                getattr(self, method)(*arguments)

    def _new_folder(self, parent: Folder, name: str, well_known: str | None = None) -> Folder:
        folder = Folder(_id("AQMkAG", parent.id, name), name, well_known, parent)
        self.folders[folder.id] = folder
        return folder

    @property
    def messages(self) -> tuple[StoredMessage, ...]:
        """All messages, in the order in which they were added."""
        return tuple(self._messages.values())

    def parse_all(self) -> None:
        """Parse all messages now, so that no request has to wait for it."""
        for message in self.messages:
            _ = message.properties

    def children(self, parent: Folder) -> list[Folder]:
        """Return the child folders."""
        return [folder for folder in self.folders.values() if folder.parent is parent]

    def folder(self, key: str) -> Folder | None:
        """Return the folder with this id or well-known name."""
        named = (folder for folder in self.folders.values() if folder.well_known == key.lower())
        return self.folders.get(key) or next(named, None)

    def folder_at(self, *path: str) -> Folder:
        """Return the folder at a path of names, and create it if missing; the first may be a well-known name."""
        folder = self.root
        for name in path:
            known = self.folder(name) if folder is self.root else None
            inside = (child for child in self.children(folder) if child.name.lower() == name.lower())
            folder = known or next(inside, None) or self._added_folder(folder, name, path)
        return folder

    def _added_folder(self, parent: Folder, name: str, path: Sequence[str]) -> Folder:
        self.journal.append(("folder_at", *path))
        return self._new_folder(parent, name)

    def find(self, message_id: str) -> StoredMessage | None:
        """Return the message with this id, of either kind."""
        return self._messages.get(message_id) or self._by_mutable.get(message_id)

    def add(self, raw: bytes, folder: str = "inbox", **properties: Any) -> StoredMessage:
        """Add a message to a folder; a copy of an existing message is a separate message."""
        content = _digest(raw)
        self._copies[content] += 1
        immutable_id = _id("AAkALg", self.address, content, str(self._copies[content]))
        message = StoredMessage(raw, immutable_id, self.folder_at(*folder.split("/")), properties)
        self._messages[immutable_id] = message
        self._insert(message, "created")
        self.journal.append(("add", raw, folder, dict(properties)))
        return message

    def _insert(self, message: StoredMessage, kind: str) -> None:
        self.version += 1
        self._by_mutable[message.mutable_id] = message
        message.folder.messages[message.immutable_id] = message
        message.folder.record(kind, message)

    def _detach(self, message: StoredMessage) -> None:
        self.version += 1
        del self._by_mutable[message.mutable_id]
        del message.folder.messages[message.immutable_id]
        message.folder.record("deleted", message)

    def _require(self, message_id: str) -> StoredMessage:
        message = self.find(message_id)
        if message is None:
            raise KeyError(f"{self.address} has no message {message_id}")
        return message

    def change(self, message_id: str, **properties: Any) -> None:
        """Set properties of a message, such as isRead=True."""
        message = self._require(message_id)
        message.overrides |= properties
        self._insert(message, "updated")
        self.journal.append(("change", message_id, properties))

    def move(self, message_id: str, folder: str) -> None:
        """Move a message to another folder, with a new mutable id: deleted from one, created in the other."""
        message = self._require(message_id)
        self._detach(message)
        message.folder = self.folder_at(*folder.split("/"))
        self._insert(message, "created")
        self.journal.append(("move", message_id, folder))

    def remove(self, message_id: str) -> None:
        """Delete a message permanently."""
        message = self._require(message_id)
        self._detach(message)
        del self._messages[message.immutable_id]
        self.journal.append(("remove", message_id))
