"""Filtering, searching and sorting messages under Graph's rules for mail."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iacs.sandbox.graph.errors import GraphError, bad_request
from iacs.sandbox.graph.listing import OrderBy, parse_order_by, unknown_property
from iacs.sandbox.graph.search import parse_search
from iacs.sandbox.mail.mailbox import StoredMessage
from iacs.sandbox.odata import Filter, FilterError, matches, parse_filter

MESSAGE_PROPERTIES = frozenset({
    "bccRecipients", "body", "bodyPreview", "categories", "ccRecipients", "changeKey", "conversationId",
    "conversationIndex", "createdDateTime", "flag", "from", "hasAttachments", "id", "importance",
    "inferenceClassification", "internetMessageHeaders", "internetMessageId", "isDeliveryReceiptRequested",
    "isDraft", "isRead", "isReadReceiptRequested", "lastModifiedDateTime", "parentFolderId",
    "receivedDateTime", "replyTo", "sender", "sentDateTime", "subject", "toRecipients", "uniqueBody", "webLink",
})  # fmt: skip
_NEWEST_FIRST = [OrderBy("receivedDateTime", descending=True)]


def _check_order(order: Sequence[OrderBy], parsed: Filter) -> None:
    """Reject an order that the mail store cannot sort by.

    Every property of $orderby must also be in $filter, in the same order and before any other.
    Source: Microsoft Graph, "List messages", "Using filter and orderby in the same query".
    """
    filtered = ["/".join(path.segments) for path in parsed.properties]
    if filtered[: len(order)] != [item.path for item in order]:
        raise bad_request(
            "The restriction or sort order is too complex for this operation.", "InefficientFilter"
        )


def _check_names(paths: Iterable[str]) -> None:
    for path in paths:
        name = path.partition("/")[0]
        if name not in MESSAGE_PROPERTIES:
            raise unknown_property(name, "message")


def _parse_filter(text: str) -> Filter:
    try:
        parsed = parse_filter(text)
    except FilterError as error:
        raise bad_request(f"Invalid filter clause: {error}", "RequestBroker--ParseUri") from None
    _check_names(path.segments[0] for path in parsed.properties)
    return parsed


def _filtered(messages: Sequence[StoredMessage], parsed: Filter) -> list[StoredMessage]:
    try:
        return [message for message in messages if matches(parsed.expression, message.as_graph())]
    except FilterError as error:
        raise bad_request(f"Invalid filter clause: {error}") from None


def _sort_key(message: StoredMessage, path: str) -> tuple[bool, Any]:
    """Return a key that sorts null before any other value."""
    first, *rest = path.split("/")
    value = message.get(first)
    for segment in rest:
        value = value.get(segment) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping | list):
        raise bad_request(f"The property '{path}' cannot be used in the $orderby query option.")
    return (False, "") if value is None else (True, value.casefold() if isinstance(value, str) else value)


def _sorted(messages: Sequence[StoredMessage], order: Sequence[OrderBy]) -> list[StoredMessage]:
    result = list(messages)
    for item in reversed(order or _NEWEST_FIRST):
        result.sort(key=lambda message, path=item.path: _sort_key(message, path), reverse=item.descending)  # type: ignore[misc]
    return result


def run(messages: Sequence[StoredMessage], options: Mapping[str, str]) -> list[StoredMessage]:
    """Return the messages that match $filter or $search, sorted; raises GraphError."""
    order = parse_order_by(options.get("$orderby", ""))
    _check_names(item.path for item in order)
    if search := options.get("$search"):
        return _searched(messages, search, options)
    if text := options.get("$filter"):
        parsed = _parse_filter(text)
        _check_order(order, parsed)
        messages = _filtered(messages, parsed)
    return _sorted(messages, order)


def _searched(
    messages: Sequence[StoredMessage], search: str, options: Mapping[str, str]
) -> list[StoredMessage]:
    for other, code in (("$filter", "SearchWithFilter"), ("$orderby", "SearchWithOrderBy")):
        if options.get(other):
            raise GraphError(400, code, f"The query parameter '{other}' is not supported with '$search'.")
    condition = parse_search(search)
    matching = [message for message in messages if condition(message)]
    return _sorted(matching, [OrderBy("sentDateTime", descending=True)])[:1000]
