"""The changes that a page of a delta makes to the stored messages, as pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from iacs.mail_query.pages import MAX_ID, to_json

Document = Any
"""A message as Graph returned it: a dictionary, or any JSON value in a malformed page."""


@dataclass(frozen=True, slots=True)
class State:
    """The stored state of a message, now or after the page."""

    document: Document
    folder_id: str
    removed: bool = False


@dataclass(slots=True)
class Changes:
    """The effect of a page: `written` has the new and changed states by id, `seen` the number of messages.

    `unchanged` has the ids of the folder's messages that stay as they are. The removal of a message that another
    folder has by now changes nothing. `arrived` has the ids of the messages to announce: new ones that are not
    drafts, and drafts that were sent; `drafts` has those of new drafts.
    """

    written: dict[str, State] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    updated: int = 0
    removed: int = 0
    seen: int = 0


def changes(documents: Sequence[Document], stored: Mapping[str, State], folder_id: str) -> Changes:
    """Compare the items of a folder's page, in order, with the stored states."""
    states: dict[str, State | None] = {}
    keys: dict[str, object] = {}
    for document in documents:
        name = message_id(document)
        before = states.get(name, stored.get(name))
        states[name] = _next_state(before, document, folder_id)
        if not is_removal(document):
            keys[name] = change_key(document)
    result = Changes(seen=len(keys))
    for name, state in states.items():
        if state is not None:
            _classify(result, name, stored.get(name), state, keys.get(name), folder_id)
    return result


def message_id(document: Document) -> str:
    """Return Graph's id of a message, or a hash of its content if it has none."""
    name = document.get("id") if isinstance(document, dict) else None
    if isinstance(name, str) and name and len(name) <= MAX_ID and name.isprintable():
        return name
    return f"without-id:{sha256(to_json(document).encode()).hexdigest()}"


def change_key(document: Document) -> str | None:
    """Return Graph's change key, which changes with the message."""
    key = document.get("changeKey") if isinstance(document, dict) else None
    return key if isinstance(key, str) else None


def is_removal(document: Document) -> bool:
    """Return whether the item reports that a message has left the folder."""
    return isinstance(document, dict) and "@removed" in document


def _is_draft(document: Document) -> bool:
    return isinstance(document, dict) and document.get("isDraft") is True


def _next_state(before: State | None, document: Document, folder_id: str) -> State | None:
    """Return the state of a message after an item of the folder's page.

    A removal counts unless another folder has the message by now: its page may come earlier or later. An item
    is merged into the stored document, since a delta need not repeat unchanged properties.
    """
    if is_removal(document):
        if before is None or before.folder_id != folder_id:
            return before
        return replace(before, removed=True)
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
    is_draft = _is_draft(state.document)
    if before is None or (_is_draft(before.document) and not is_draft and not state.removed):
        (result.drafts if is_draft else result.arrived).append(name)
    if before is None:
        result.new.append(name)
    elif state.removed and not before.removed:
        result.removed += 1
    elif _differs(before, state, key):
        result.updated += 1


def _differs(before: State, state: State, key: object) -> bool:
    """Return whether the message changed, by its change key if there is one: links may differ in every response."""
    if (before.folder_id, before.removed) != (state.folder_id, state.removed):
        return True
    stored_key = change_key(before.document)
    if key is not None and stored_key is not None:
        return key != stored_key
    return bool(before.document != state.document)
