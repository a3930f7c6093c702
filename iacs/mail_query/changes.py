"""What a page of a delta changes in the stored messages, as pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from iacs.mail_query.pages import to_json

Document = Any
"""A message as Graph returned it: a dictionary, or any JSON value in a malformed page."""


@dataclass(frozen=True, slots=True)
class State:
    """A message as it is stored, or will be."""

    document: Document
    folder_id: str
    removed: bool = False


@dataclass(slots=True)
class Changes:
    """The effect of a page: `written` has the rows that are new or differ, by id; `seen` counts messages.

    `unchanged` has the folder's own messages. A removal of a message that is known to be in another folder has
    no effect.
    """

    written: dict[str, State] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    updated: int = 0
    removed: int = 0
    seen: int = 0


def changes(documents: Sequence[Document], stored: Mapping[str, State], folder_id: str) -> Changes:
    """Compare the items of a folder's page, in their order, with their stored states."""
    states: dict[str, State | None] = {}
    keys: dict[str, object] = {}
    for document in documents:
        name = message_id(document)
        before = states.get(name, stored.get(name))
        states[name] = (
            _removed(before, folder_id) if is_removal(document) else _merged(before, document, folder_id)
        )
        if not is_removal(document):
            keys[name] = change_key(document)
    result = Changes(seen=len(keys))
    for name, state in states.items():
        if state is not None:
            _classify(result, name, stored.get(name), state, keys.get(name), folder_id)
    return result


def message_id(document: Document) -> str:
    """Return Graph's id, or a hash of the content for a message without one."""
    name = document.get("id") if isinstance(document, dict) else None
    if isinstance(name, str) and name and name.isprintable():
        return name
    return f"without-id:{sha256(to_json(document).encode()).hexdigest()}"


def change_key(document: Document) -> str | None:
    """Return the key that Graph changes with the message."""
    key = document.get("changeKey") if isinstance(document, dict) else None
    return key if isinstance(key, str) else None


def is_removal(document: Document) -> bool:
    """Return whether the item only says that a message has left the folder."""
    return isinstance(document, dict) and "@removed" in document


def _removed(before: State | None, folder_id: str) -> State | None:
    """Mark a message as removed unless another folder has it, whose page may come earlier or later."""
    if before is None or before.folder_id != folder_id:
        return before
    return replace(before, removed=True)


def _merged(before: State | None, document: Document, folder_id: str) -> State:
    """Merge the item into the stored document: a delta need not repeat unchanged properties."""
    if before is not None and isinstance(document, dict) and isinstance(before.document, dict):
        document = before.document | document
    return State(document, folder_id)


def _classify(
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
    """Return whether the message changed; Graph's change key decides, since links may differ each time."""
    if (before.folder_id, before.removed) != (state.folder_id, state.removed):
        return True
    stored_key = change_key(before.document)
    if key is not None and stored_key is not None:
        return key != stored_key
    return bool(before.document != state.document)
