"""The event that announces a new message."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from iacs.core.events import NewEvent
from iacs.mail_query.schema import EmailAddress, OptionalInstant
from iacs.mail_query.summary import Reading, Summary

_NAMESPACE = UUID("5d7d2f0c-52b5-4a0f-9d1e-6f0c6f1f4a3b")
_NOTHING = Summary(id="")


@dataclass(frozen=True, slots=True)
class MailLocation:
    """A folder of a mailbox; with `announced_from`, mail that was received before that instant has no event."""

    account: str
    account_id: str
    folder: str
    folder_id: str
    mailbox_path: str = "me"
    announced_from: str | None = None


class MailReceived(BaseModel):
    """The value of the event: enough to decide whether to read the message.

    Fields that the message lacks are None. `problem` is the reason why a message could not be parsed; its
    document is stored anyway.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    type: Literal["mail.received"] = "mail.received"
    account: str = Field(description="Address of the mailbox")
    account_id: str
    message_id: str
    folder_id: str
    folder: str = Field(description="Name of the folder that the message was in")
    internet_message_id: str | None = None
    subject: str | None = None
    from_: EmailAddress | None = Field(default=None, alias="from")
    sent_at: OptionalInstant = None
    received_at: OptionalInstant = None
    is_draft: bool | None = None
    has_attachments: bool | None = None
    problem: str | None = None


def event_id(account_id: str, message_id: str, *, is_draft: bool = False) -> str:
    """Return the id of a message's event, the same in every run, so that consumers recognise duplicates."""
    kind = "mail.draft" if is_draft else "mail.received"
    return str(uuid5(_NAMESPACE, f"{kind}/{account_id}/{message_id}"))


def received(
    topic: str, location: MailLocation, message_id: str, reading: Reading, *, is_draft: bool = False
) -> NewEvent:
    """Return the event of a new message, with its readable fields; the events of one account keep their order.

    The event of a draft has another id than that of the same message when it is sent.
    """
    return NewEvent(
        topic=topic,
        value={
            "type": "mail.received",
            "account": location.account,
            "account_id": location.account_id,
            "message_id": message_id,
            "folder_id": location.folder_id,
            "folder": location.folder,
            **_fields(reading.summary or _NOTHING),
            "problem": reading.problem,
        },
        key=location.account_id,
        id=event_id(location.account_id, message_id, is_draft=is_draft),
        headers={"ce_subject": message_id} if message_id and message_id.isprintable() else {},
    )


def _fields(summary: Summary) -> dict[str, Any]:
    """Return the rest of a MailReceived as JSON: dumping a model takes three times as long."""
    sender = {"name": summary.sender_name, "address": summary.sender_address} if summary.has_sender else None
    return {
        "internet_message_id": summary.internet_message_id,
        "subject": summary.subject,
        "from": sender,
        "sent_at": summary.sent_at,
        "received_at": summary.received_at,
        "is_draft": summary.is_draft,
        "has_attachments": summary.has_attachments,
    }
