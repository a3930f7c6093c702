"""The changes that a page of a delta makes to the stored messages, as pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from iacs.mail_query.document import Document
from iacs.mail_query.items import MAX_ID, to_json


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
    drafts, and drafts that were sent; `drafts` has those of new drafts. `moved` has the ids of messages that another
    folder has, and `left` those of all removals.
    """

    written: dict[str, State] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
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
        if not document.is_removal:
            keys[name] = document.change_key
    left = [message_id(document) for document in documents if document.is_removal]
    result = Changes(seen=len(keys), left=left)
    for name, state in states.items():
        if state is not None:
            _classify(result, name, stored.get(name), state, keys.get(name), folder_id)
    return result


def message_id(document: Document) -> str:
    """Return Graph's id of a message, or a hash of its content if it has none that can be stored."""
    name = document.id
    if name and len(name) <= MAX_ID and name.isprintable():
        return name
    return f"without-id:{sha256(to_json(document.value).encode()).hexdigest()}"


def _next_state(before: State | None, document: Document, folder_id: str) -> State | None:
    """Return the state of a message after an item of the folder's page.

    A removal counts unless another folder has the message by now: its page may come earlier or later. An item
    is merged into the stored document, since a delta need not repeat unchanged properties.
    """
    if document.is_removal:
        if before is None or before.folder_id != folder_id:
            return before
        return replace(before, removed=True)
    return State(document if before is None else before.document.updated(document), folder_id)


def _classify(
    result: Changes, name: str, before: State | None, state: State, key: object, folder_id: str
) -> None:
    if state == before:
        if state.folder_id == folder_id:
            result.unchanged.append(name)
        return
    result.written[name] = state
    if before is not None and not before.removed and state.folder_id != before.folder_id:
        result.moved.append(name)
    is_draft = state.document.is_draft
    if before is None or (before.document.is_draft and not is_draft and not state.removed):
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
    stored_key = before.document.change_key
    if key is not None and stored_key is not None:
        return key != stored_key
    return before.document != state.document
