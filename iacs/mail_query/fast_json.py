"""The fast way to decode pages and messages: msgspec instead of pydantic, for messages with documented fields only.

It accepts less than `schema.Message` does, never more: what it rejects is parsed and validated by pydantic.
Unknown fields are rejected too, since msgspec skips them without looking at their encoding, depth or digits.
Imported with the first page.
"""

from datetime import datetime
from functools import cache
from re import compile as pattern

import msgspec

from iacs.mail_query.summary import Summary

_INSTANT = pattern(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ")
"""The form in which Graph writes instants; of any other form pydantic is the judge."""

Text = str | None
Flag = bool | None


class _Object(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename="camel"):
    """An object of Graph, which contains no cycle: the garbage collector need not know it."""


class _EmailAddress(_Object):
    name: Text = None
    address: Text = None


class _Recipient(_Object):
    email_address: _EmailAddress | None = None


Recipients = list[_Recipient] | None


class _Body(_Object):
    content_type: Text = None
    content: Text = None


class _Moment(_Object):
    date_time: Text = None
    time_zone: Text = None


class _FollowupFlag(_Object):
    flag_status: Text = None
    start_date_time: _Moment | None = None
    due_date_time: _Moment | None = None
    completed_date_time: _Moment | None = None


class _Header(_Object):
    name: Text = None
    value: Text = None


class _Message(_Object):
    id: str
    etag: Text = msgspec.field(name="@odata.etag", default=None)
    odata_type: Text = msgspec.field(name="@odata.type", default=None)
    change_key: Text = None
    internet_message_id: Text = None
    subject: Text = None
    body_preview: Text = None
    body: _Body | None = None
    unique_body: _Body | None = None
    from_: _Recipient | None = msgspec.field(name="from", default=None)
    sender: _Recipient | None = None
    to_recipients: Recipients = None
    cc_recipients: Recipients = None
    bcc_recipients: Recipients = None
    reply_to: Recipients = None
    sent_date_time: Text = None
    received_date_time: Text = None
    created_date_time: Text = None
    last_modified_date_time: Text = None
    is_read: Flag = None
    is_draft: Flag = None
    has_attachments: Flag = None
    importance: Text = None
    inference_classification: Text = None
    flag: _FollowupFlag | None = None
    categories: list[str] | None = None
    conversation_id: Text = None
    conversation_index: Text = None
    parent_folder_id: Text = None
    web_link: Text = None
    internet_message_headers: list[_Header] | None = None
    is_delivery_receipt_requested: Flag = None
    is_read_receipt_requested: Flag = None


class _Dated(msgspec.Struct, gc=False, rename="camel"):
    """A message of which only the date is decoded."""

    received_date_time: datetime | None = None


class RawPage(msgspec.Struct):
    """The JSON of a page, with the JSON of its items."""

    value: list[msgspec.Raw]
    next_link: Text = msgspec.field(name="@odata.nextLink", default=None)
    delta_link: Text = msgspec.field(name="@odata.deltaLink", default=None)


def split_page(body: bytes) -> RawPage:
    """Return a page whose items are not decoded; raise ValueError or RecursionError if it is odd, perhaps in one item."""
    return _pages().decode(body)


def decode_summary(text: bytes | str) -> Summary:
    """Return the summary of a message; raise ValueError unless all of it is as documented."""
    message = _messages().decode(text)
    for instant in {message.created_date_time, message.last_modified_date_time} - {None}:
        _check_instant(instant)
    sender = message.from_
    address = sender.email_address if sender is not None else None
    return Summary(
        message.id,
        message.change_key,
        message.internet_message_id,
        message.subject,
        sender is not None,
        address.name if address is not None else None,
        address.address if address is not None else None,
        _check_instant(message.sent_date_time),
        _check_instant(message.received_date_time),
        message.is_read,
        message.is_draft,
        message.has_attachments,
    )


def decode_received(text: bytes) -> datetime | None:
    """Return when a message was received; None if that is not an instant, or Exchange's year 1, which is not a date."""
    try:
        received = _dated().decode(text).received_date_time
    except (ValueError, RecursionError):
        return None
    if received is None or received.tzinfo is None or received.year == 1:
        return None
    return received


def _check_instant(text: Text) -> Text:
    """Return a text that is an instant; raise ValueError for others, and for Exchange's year 1, which is not a date."""
    if text is not None:
        if _INSTANT.fullmatch(text) is None or text.startswith("0001-01-01"):
            raise ValueError("not an instant as Graph writes it")
        datetime.fromisoformat(text)
    return text


@cache
def _messages() -> msgspec.json.Decoder[_Message]:
    return msgspec.json.Decoder(_Message)


@cache
def _dated() -> msgspec.json.Decoder[_Dated]:
    return msgspec.json.Decoder(_Dated)


@cache
def _pages() -> msgspec.json.Decoder[RawPage]:
    return msgspec.json.Decoder(RawPage)
