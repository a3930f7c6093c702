"""MailQuery as OData, by pure functions; what Graph would reject raises MailQueryError.

Source of the rules: Microsoft Graph, "List messages" and "Use query parameters".
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote

from iacs.core import clock
from iacs.core.exceptions import MailQueryError
from iacs.mail_query.query import MailQuery
from iacs.mail_query.schema import Message
from iacs.mail_query.sorting import Condition, sortable

MAX_PAGE_SIZE = 1000

_GRAPH_NAMES: Mapping[str, str] = MappingProxyType(
    {name: field.alias or name for name, field in Message.model_fields.items()}
)
_NAME = re.compile(r"@?[A-Za-z_][A-Za-z0-9_/.@]*")
_ORDER = re.compile(r"\s*(\S+?)(?:\s+(asc|desc))?\s*")


def parameters(query: MailQuery, *, page_size: int) -> dict[str, str]:
    """Return the query options, not percent-encoded; raise MailQueryError for what Graph rejects."""
    conditions = list(_conditions(query))
    order = [_order(text) for text in query.order_by]
    conditions = sortable(conditions, [name for name, _ in order])
    options = {
        "$filter": " and ".join(text.grouped if len(conditions) > 1 else text.text for text in conditions),
        "$orderby": ",".join(f"{name}{direction}" for name, direction in order),
        "$search": "" if query.search is None else search_phrase(query.search),
        "$select": ",".join(dict.fromkeys(["id", *map(graph_name, query.select)])) if query.select else "",
        "$top": str(min(query.page_size or page_size, query.limit or MAX_PAGE_SIZE, MAX_PAGE_SIZE)),
    }
    return {name: value for name, value in options.items() if value}


def encode(options: Mapping[str, str]) -> str:
    """Return the query string, percent-encoded; a space is %20 and never a plus sign."""
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in options.items())


def literal(text: str) -> str:
    """Return an OData string literal: quotes are doubled, backslashes are not special."""
    return "'" + text.replace("'", "''") + "'"


def search_phrase(text: str) -> str:
    """Return the value of `$search`: in quotes, with a backslash before each quote inside."""
    if not text.strip():
        raise MailQueryError("search is empty", hint="add words to search for, or leave it out")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def instant(moment: datetime, *, name: str) -> str:
    """Return an OData instant in UTC; raise MailQueryError if it has no time zone."""
    if moment.tzinfo is None:
        raise MailQueryError(
            f"{name} has no time zone", hint="add one, as in datetime(2026, 11, 23, tzinfo=UTC)"
        )
    try:
        return clock.iso(moment.astimezone(UTC))
    except OverflowError:
        raise MailQueryError(f"{name} is outside the years 1 to 9999 of UTC") from None


def graph_name(name: str) -> str:
    """Return Graph's name of a field, from its name in `Message` or in Graph."""
    if not _NAME.fullmatch(name):
        raise MailQueryError(f"'{name}' is not a field", hint="use a name such as received_at")
    return _GRAPH_NAMES.get(name, name)


def _order(text: str) -> tuple[str, str]:
    match = _ORDER.fullmatch(text)
    if match is None:
        raise MailQueryError(
            f"order_by '{text}' is not a field with asc or desc", hint="write it as in 'received_at desc'"
        )
    name = graph_name(match[1])
    if name in ("from", "sender"):
        name = f"{name}/emailAddress/address"
    return name, f" {match[2]}" if match[2] else ""


def _conditions(query: MailQuery) -> Iterator[Condition]:
    """Yield the conditions: those on the same property next to each other, the raw one last."""
    if query.received_after is not None:
        after = instant(query.received_after, name="received_after")
        yield Condition(f"receivedDateTime ge {after}")
    if query.received_before is not None:
        before = instant(query.received_before, name="received_before")
        yield Condition(f"receivedDateTime lt {before}")
    if query.sender is not None:
        yield Condition(f"from/emailAddress/address eq {literal(query.sender)}")
    if query.subject_contains is not None:
        yield Condition(f"contains(subject,{literal(query.subject_contains)})")
    if query.unread is not None:
        yield Condition(f"isRead eq {str(not query.unread).lower()}")
    if query.has_attachments is not None:
        yield Condition(f"hasAttachments eq {str(query.has_attachments).lower()}")
    if query.filter is not None and query.filter.strip():
        yield Condition(query.filter.strip(), raw=True)
