"""What columns and events say of a message."""

from typing import NamedTuple

from iacs.core.clock import iso
from iacs.mail_query.schema import Message


class Summary(NamedTuple):
    """The fields of a message that have columns of their own, or are in its event; instants in ISO 8601, UTC as Z."""

    id: str
    change_key: str | None = None
    internet_message_id: str | None = None
    subject: str | None = None
    has_sender: bool = False
    sender_name: str | None = None
    sender_address: str | None = None
    sent_at: str | None = None
    received_at: str | None = None
    is_read: bool | None = None
    is_draft: bool | None = None
    has_attachments: bool | None = None


class Reading(NamedTuple):
    """The readable fields of a document, None if it is not an object, and why others are not readable."""

    summary: Summary | None
    problem: str | None = None


def summary_of(message: Message) -> Summary:
    """Return the summary of a parsed message."""
    sender = message.from_
    return Summary(
        message.id,
        message.change_key,
        message.internet_message_id,
        message.subject,
        sender is not None,
        sender.name if sender is not None else None,
        sender.address if sender is not None else None,
        None if message.sent_at is None else iso(message.sent_at),
        None if message.received_at is None else iso(message.received_at),
        message.is_read,
        message.is_draft,
        message.has_attachments,
    )
