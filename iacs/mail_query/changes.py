"""What a page of a delta changes in what is stored: pure functions, so that each case can be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from iacs.mail_query.pages import to_json

Document = Any
"""A message as Graph gave it: a dictionary, or in a broken page anything that JSON has."""


@dataclass(frozen=True, slots=True)
class State:
    """A message as it is stored, or is to be."""

    document: Document
    folder_id: str
    removed: bool = False


@dataclass(slots=True)
class Changes:
    """What a page brings: `written` are the rows that are new or differ, by id; `seen` counts messages.

    `unchanged` are the folder's own; that a message has left which is known to be elsewhere changes nothing.
    """

    written: dict[str, State] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    updated: int = 0
    removed: int = 0
    seen: int = 0


def changes(documents: Sequence[Document], stored: Mapping[str, State], folder_id: str) -> Changes:
    """Compare the items of a folder's page, in their order, with what is stored of them."""
    states: dict[str, State | None] = {}
    keys: dict[str, object] = {}
    for document in documents:
        name = message_id(document)
        before = states.get(name, stored.get(name))
        states[name] = (
            _removed(before, folder_id) if is_removal(document) else _given(before, document, folder_id)
        )
        if not is_removal(document):
            keys[name] = change_key(document)
    result = Changes(seen=len(keys))
    for name, state in states.items():
        if state is not None:
            _sort(result, name, stored.get(name), state, keys.get(name), folder_id)
    return result


def message_id(document: Document) -> str:
    """Return Graph's id; a message without one is known by its content."""
    name = document.get("id") if isinstance(document, dict) else None
    if isinstance(name, str) and name and name.isprintable():
        return name
    return f"without-id:{sha256(to_json(document).encode()).hexdigest()}"


def change_key(document: Document) -> str | None:
    """Return the key that Graph changes with the message."""
    key = document.get("changeKey") if isinstance(document, dict) else None
    return key if isinstance(key, str) else None


def is_removal(document: Document) -> bool:
    """Tell whether the item only says that a message is gone from the folder."""
    return isinstance(document, dict) and "@removed" in document


def _removed(before: State | None, folder_id: str) -> State | None:
    """Mark a message as gone, unless another folder, which may tell so earlier or later, has it."""
    if before is None or before.folder_id != folder_id:
        return before
    return replace(before, removed=True)


def _given(before: State | None, document: Document, folder_id: str) -> State:
    """Merge the item into what is stored: a delta need not repeat what has not changed."""
    if before is not None and isinstance(document, dict) and isinstance(before.document, dict):
        document = before.document | document
    return State(document, folder_id)


def _sort(
    result: Changes, name: str, before: State | None, state: State, key: object, folder_id: str
) -> None:
    if state == before:
        if state.folder_id == folder_id:
            result.unchanged.append(name)
        return
    result.written[name] = state
    if before is None:
        result.new.append(name)
    elif state.removed and not before.removed:
        result.removed += 1
    elif _differs(before, state, key):
        result.updated += 1


def _differs(before: State, state: State, key: object) -> bool:
    """Graph's change key decides where the item has one: links in a document may differ each time."""
    if (before.folder_id, before.removed) != (state.folder_id, state.removed):
        return True
    stored_key = change_key(before.document)
    if key is not None and stored_key is not None:
        return key != stored_key
    return bool(before.document != state.document)
