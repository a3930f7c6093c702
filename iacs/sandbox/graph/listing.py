"""Query options that every list shares: $select, $orderby, $top, and pages joined by $skiptoken."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.errors import GraphError, bad_request

_ALWAYS = ("@odata.type", "@odata.etag", "id")


def unknown_property(name: str, kind: str) -> GraphError:
    """Return the error for a property that the type does not have."""
    return bad_request(
        f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.",
        "RequestBroker--ParseUri",
    )


def select_properties(
    row: Mapping[str, Any], select: str, known: Collection[str], kind: str
) -> dict[str, Any]:
    """Return the selected properties, and the id that Graph always adds; no $select means all."""
    names = [name.strip() for name in select.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise unknown_property(name, kind)
    return {key: row[key] for key in row if not names or key in names or key in _ALWAYS}


def page_size(call: Call, *, default: int = 10) -> int:
    """Return $top, or the preferred page size, or Graph's default."""
    top = call.query.get("$top")
    if top is None:
        return call.preferences.page_size or default
    if not (top.isascii() and top.isdecimal() and 1 <= int(top) <= 1000):
        raise bad_request(f"Invalid value '{top}' for $top query option found: it must be from 1 to 1000.")
    return int(top)


@dataclass(frozen=True)
class OrderBy:
    """A property to sort by."""

    path: str
    descending: bool


def parse_order_by(text: str) -> list[OrderBy]:
    """Parse `a/b desc, c`; raises GraphError."""
    parsed = []
    for part in filter(None, map(str.strip, text.split(","))):
        path, _, direction = part.partition(" ")
        if direction.strip() not in {"", "asc", "desc"}:
            raise bad_request(f"Syntax error in $orderby '{text}'.")
        parsed.append(OrderBy(path, direction.strip() == "desc"))
    return parsed


def pack(token: Any) -> str:
    """Return an opaque token."""
    return base64.urlsafe_b64encode(json.dumps(token, separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(token: str) -> Any:
    """Return the content of a token; None if it was not issued here."""
    try:
        return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _start(call: Call, ids: Sequence[str]) -> int:
    """Return the start of the page: after the last returned item, or at its former index if it was deleted."""
    token = call.query.get("$skiptoken")
    if token is None:
        skip = call.query.get("$skip", "0")
        if not (skip.isascii() and skip.isdecimal()):
            raise bad_request(f"Invalid value '{skip}' for $skip query option found.")
        return int(skip)
    match unpack(token):
        case [int(count), str(last)]:
            return ids.index(last) + 1 if last in ids else count
    raise bad_request("The $skiptoken is malformed or was not issued here.")


def page(call: Call, keys: Sequence[str]) -> tuple[slice, dict[str, str]]:
    """Return the slice of this page and the nextLink, if any; the keys of the rows do not change."""
    start = _start(call, keys)
    end = start + page_size(call)
    if end >= len(keys):
        return slice(start, end), {}
    options = {key: value for key, value in call.query.items() if key not in {"$skiptoken", "$skip"}}
    options["$skiptoken"] = pack([end, keys[end - 1]])
    path = "/".join(quote(part, safe="") for part in call.segments)
    query = urlencode(options, quote_via=quote, safe="$,:'()/")
    return slice(start, end), {"@odata.nextLink": f"{call.base}/{path}?{query}"}
