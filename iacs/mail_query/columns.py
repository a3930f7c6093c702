"""The columns of a message's row beside its document, for queries of the database."""

from datetime import datetime
from typing import Any

from iacs.core.clock import to_text
from iacs.mail_query.schema import Message

NAMES = (
    "change_key",
    "internet_message_id",
    "subject",
    "sender_name",
    "sender_address",
    "sent_at",
    "received_at",
    "is_read",
    "has_attachments",
    "problem",
)


def columns(message: Message | None, *, problem: str | None, dialect: str) -> dict[str, Any]:
    """Return the values of `NAMES`, those of the readable fields for a message with a problem.

    For PostgreSQL, whose text cannot have NUL, with U+FFFD instead.
    """
    values = (dict.fromkeys(NAMES) if message is None else _columns(message)) | {"problem": problem}
    if dialect == "postgresql":
        return {name: without_nul(value) for name, value in values.items()}
    return values


def without_nul(value: Any) -> Any:
    """Return a text with U+FFFD instead of NUL; any other value unchanged."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _columns(message: Message) -> dict[str, Any]:
    return {
        "change_key": message.change_key,
        "internet_message_id": message.internet_message_id,
        "subject": message.subject,
        "sender_name": message.from_.name if message.from_ else None,
        "sender_address": message.from_.address if message.from_ else None,
        "sent_at": _text(message.sent_at),
        "received_at": _text(message.received_at),
        "is_read": message.is_read,
        "has_attachments": message.has_attachments,
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else to_text(instant)
