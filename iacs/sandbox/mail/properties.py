"""The properties of a message with Graph's names; missing values are null."""

import hashlib
from collections.abc import Callable
from email.message import Message
from typing import Any

from iacs.sandbox.mail.addresses import Recipient, parse_addresses
from iacs.sandbox.mail.dates import graph_text, parse_date
from iacs.sandbox.mail.headers import decoded, fields
from iacs.sandbox.mail.parts import attachments, body, parse
from iacs.sandbox.mail.preview import preview

_IMPORTANCE = {"low": "low", "high": "high", "urgent": "high", "non-urgent": "low"}
_X_PRIORITY = {"1": "high", "2": "high", "4": "low", "5": "low"}
Field = Callable[[str], str | None]


def _recipient(value: str | None) -> Recipient | None:
    return next(iter(parse_addresses(value)), None)


def _message_id(value: str | None) -> str | None:
    return (value or "").strip() or None


def _importance(field: Field) -> str:
    word = (field("importance") or field("priority") or "").strip().lower()
    return _IMPORTANCE.get(word) or _X_PRIORITY.get((field("x-priority") or "").strip()[:1], "normal")


def _conversation(field: Field) -> str | None:
    """Return an id shared by messages with the same first reference; None without any reference."""
    linked = (field("references") or "").split() or (field("in-reply-to") or "").split()
    root = next(iter(linked), None) or _message_id(field("message-id"))
    return None if root is None else f"AAQk{hashlib.sha256(root.encode()).hexdigest()[:32]}="


def _flags(field: Field) -> dict[str, Any]:
    """Return the properties that mail programs store in the Status fields of an mbox."""
    status = (field("status") or "") + (field("x-status") or "")
    return {
        "isRead": "R" in status,
        "isDraft": "T" in (field("x-status") or ""),
        "flag": {"flagStatus": "flagged" if "F" in status else "notFlagged"},
    }


def _people(field: Field) -> dict[str, Any]:
    author = _recipient(field("from"))
    return {
        "sender": _recipient(field("sender")) or author,
        "from": author,
        "toRecipients": parse_addresses(field("to")),
        "ccRecipients": parse_addresses(field("cc")),
        "bccRecipients": parse_addresses(field("bcc")),
        "replyTo": parse_addresses(field("reply-to")),
    }


def read_properties(raw: bytes) -> dict[str, Any]:
    """Return the properties in the file; ids and folders belong to the mailbox."""
    message = parse(raw)
    headers = list(fields(message))
    firsts: dict[str, str] = {}
    for name, value in headers:
        firsts.setdefault(name.lower(), value)
    return _assembled(message, headers, firsts.get)


def _assembled(message: Message, headers: list[tuple[str, str]], field: Field) -> dict[str, Any]:
    subject = field("subject")
    content = body(message)
    return {
        # The topmost field is that of the last server. The From_ line of an mbox is not part of the message.
        "receivedDateTime": graph_text(parse_date((field("received") or "").rpartition(";")[2])),
        "sentDateTime": graph_text(parse_date(field("date") or "")),
        "hasAttachments": any(not part.is_inline for part in attachments(message)),
        "internetMessageId": _message_id(field("message-id")),
        "subject": None if subject is None else decoded(subject),
        "bodyPreview": preview(content),
        "importance": _importance(field),
        "conversationId": _conversation(field),
        "categories": [word for word in map(str.strip, decoded(field("keywords") or "").split(",")) if word],
        "inferenceClassification": "focused",
        **_flags(field),
        **_people(field),
        "body": content,
        "internetMessageHeaders": [{"name": name, "value": value} for name, value in headers],
    }
