"""Delta: the changes of a folder since a token.

A token has an offset in the history of the folder and the fingerprint of everything before it. The server has
no state, so a link stays valid after a restart with the same files; if the fingerprint differs, so does the
history, and the client has to start again (410).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote

from aiohttp import web

from iacs.sandbox.directory import Person
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.errors import GraphError, bad_request
from iacs.sandbox.graph.folders import find_folder
from iacs.sandbox.graph.listing import pack, page_size, unpack
from iacs.sandbox.graph.messages import as_graph
from iacs.sandbox.mail.mailbox import Change, Folder
from iacs.sandbox.odata import Filter, FilterError, matches, parse_filter

_KINDS = {"created", "updated", "deleted"}


@dataclass(frozen=True)
class Position:
    """The state of a round, with the options of its first request."""

    folder: str
    offset: int
    fingerprint: str
    start: int
    pages: int = 0
    size: int = 10
    select: str = ""
    filter: str = ""
    change_type: str = ""


def _check_options(query: Mapping[str, str]) -> None:
    for option in ("$search", "$orderby", "$expand", "$skip", "$count"):
        if query.get(option):
            raise bad_request(f"{option} is not supported with change tracking over the 'Microsoft.OutlookServices.Message' resource.")  # fmt: skip
    kinds = query.get("changeType", "")
    if kinds and not set(kinds.split(",")) <= _KINDS:
        raise bad_request(f"Invalid value '{kinds}' for changeType.")


def _first(call: Call, folder: Folder) -> Position:
    query = call.query
    _check_options(query)
    position = Position(
        folder.id,
        offset=0,
        fingerprint=folder.fingerprints[0],
        start=0,
        size=page_size(call),
        select=query.get("$select", ""),
        filter=query.get("$filter", ""),
        change_type=query.get("changeType", ""),
    )
    _parsed(position.filter)
    return position


def _parsed(text: str) -> Filter | None:
    """Parse a filter; delta supports only receivedDateTime ge or gt an instant."""
    if not text:
        return None
    try:
        parsed = parse_filter(text)
    except FilterError as error:
        raise bad_request(f"Invalid filter clause: {error}") from None
    names = ["/".join(path.segments) for path in parsed.properties]
    if names != ["receivedDateTime"] or getattr(parsed.expression, "operator", "") not in {"ge", "gt"}:
        raise bad_request("The change tracking filter may only be receivedDateTime ge or gt an instant.")
    return parsed


def _gone(call: Call, path: str) -> GraphError:
    fresh = {"Location": f"{call.base}/{path}"}
    return GraphError(
        410, "SyncStateNotFound", "The sync state generation is not found; start again.", headers=fresh
    )


def _position(call: Call, folder: Folder, path: str) -> Position:
    token = call.query.get("$skiptoken") or call.query.get("$deltatoken")
    if token is None:
        return _first(call, folder)
    values = unpack(token)
    try:
        position = Position(**values)
        known = position.folder == folder.id and position.fingerprint == folder.fingerprints[position.offset]
    except (TypeError, IndexError):
        raise _gone(call, path) from None
    if not known or position.offset < 0:
        raise _gone(call, path)
    size = call.preferences.page_size
    return replace(position, size=size) if size else position


def _item(call: Call, change: Change, position: Position) -> dict[str, Any]:
    message = change.message
    if change.kind != "deleted":
        return as_graph(call, message, position.select)
    gone = message.immutable_id if call.preferences.immutable_ids else change.mutable_id
    return {"@odata.type": "#microsoft.graph.message", "id": gone, "@removed": {"reason": "deleted"}}


def _kind(folder: Folder, change: Change, position: Position) -> str:
    """Return the kind of change for a client that has everything before the round."""
    if change.kind == "updated" and folder.created[change.message.immutable_id] >= position.start:
        return "created"
    return change.kind


def _items(call: Call, folder: Folder, position: Position, end: int) -> list[dict[str, Any]]:
    """Return the changes that are not replaced by a later change of the same message."""
    only = _parsed(position.filter)
    kinds = set(position.change_type.split(",")) if position.change_type else _KINDS
    return [
        _item(call, change, position)
        for number, change in enumerate(folder.history[position.offset : end], position.offset)
        if folder.latest[change.message.immutable_id] == number
        and _kind(folder, change, position) in kinds
        and (only is None or change.kind == "deleted" or matches(only.expression, change.message.as_graph()))
    ]


def _link(call: Call, folder: Folder, path: str, position: Position, end: int) -> dict[str, str]:
    """Return the nextLink, or at the end of the history the deltaLink for the next round."""
    done = end >= len(folder.history)
    moved = replace(position, offset=end, fingerprint=folder.fingerprints[end], pages=position.pages + 1)
    token = pack(asdict(replace(moved, start=end, pages=0) if done else moved))
    name, option = ("deltaLink", "$deltatoken") if done else ("nextLink", "$skiptoken")
    return {f"@odata.{name}": f"{call.base}/{path}?{option}={token}"}


def list_changes(call: Call, person: Person, key: str) -> web.Response:
    """Return a page of changes with the link to the next page or the next round."""
    folder = find_folder(person.mailbox, key)
    path = "/".join(quote(part, safe="") for part in call.segments)
    position = _position(call, folder, path)
    skipped = call.cloud.behaviour.empty_pages and position.pages % 2 == 1
    end = position.offset if skipped else min(position.offset + position.size, len(folder.history))
    items = _items(call, folder, position, end)
    context = f"{call.base}/$metadata#Collection(message)"
    return call.answer(
        {"@odata.context": context, "value": items, **_link(call, folder, path, position, end)}
    )
