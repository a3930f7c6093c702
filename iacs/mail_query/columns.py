"""The columns of a message's row beside its document, for queries of the database."""

from typing import Any

from iacs.core.clock import from_text, to_text
from iacs.mail_query.summary import Reading, Summary

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


def columns(reading: Reading, *, dialect: str) -> dict[str, Any]:
    """Return the values of `NAMES`, those of the readable fields for a message with a problem.

    For PostgreSQL, whose text cannot have NUL, with U+FFFD instead.
    """
    summary = reading.summary
    values: dict[str, Any] = _columns(summary) if summary is not None else {**dict.fromkeys(NAMES)}
    values["problem"] = reading.problem
    if dialect == "postgresql":
        return {name: without_nul(value) for name, value in values.items()}
    return values


def without_nul(value: Any) -> Any:
    """Return a text with U+FFFD instead of NUL; any other value unchanged."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _columns(summary: Summary) -> dict[str, Any]:
    return {
        "change_key": summary.change_key,
        "internet_message_id": summary.internet_message_id,
        "subject": summary.subject,
        "sender_name": summary.sender_name,
        "sender_address": summary.sender_address,
        "sent_at": _text(summary.sent_at),
        "received_at": _text(summary.received_at),
        "is_read": summary.is_read,
        "has_attachments": summary.has_attachments,
    }


def _text(instant: str | None) -> str | None:
    """Return an instant of a summary as the database stores it, with microseconds."""
    if instant is None:
        return None
    if len(instant) == len("2026-11-23T08:15:30Z"):
        return f"{instant[:-1]}.000000Z"
    return to_text(from_text(instant))
