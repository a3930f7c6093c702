import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.mail_query.items import read_document, read_item, read_message
from iacs.mail_query.pages import read_documents, read_items
from iacs.mail_query.schema import EmailAddress, Message, Recipient, UnreadableMessage

WHOLE: dict[str, Any] = {
    "@odata.etag": 'W/"k"',
    "id": "AAMk=",
    "changeKey": "k",
    "internetMessageId": "<1@a.example>",
    "subject": "Grüße 😀 \u0000",
    "bodyPreview": "Hello",
    "body": {"contentType": "html", "content": "<p>Hello</p>"},
    "from": {"emailAddress": {"name": "A", "address": "a@a.example"}},
    "sender": {"emailAddress": {"address": "b@a.example"}},
    "toRecipients": [{"emailAddress": {"name": "C"}}],
    "ccRecipients": [],
    "bccRecipients": None,
    "replyTo": [{}],
    "sentDateTime": "2002-08-22T11:26:25Z",
    "receivedDateTime": "0001-01-01T00:00:00Z",
    "createdDateTime": "1969-12-31T23:59:59-08:00",
    "lastModifiedDateTime": "9999-12-31T23:59:59.9999999Z",
    "isRead": False,
    "isDraft": True,
    "hasAttachments": False,
    "importance": "somewhat",
    "categories": ["x", "y"],
    "conversationId": "c",
    "parentFolderId": "f",
    "webLink": "https://outlook.example/",
    "internetMessageHeaders": [{"name": "X", "value": "y"}],
    "somethingNew": {"deep": [1]},
}


def body(*items: Any) -> bytes:
    return json.dumps({"value": items}).encode()


def test_every_field_arrives_under_its_python_name() -> None:
    [message] = map(read_item, read_items(body(WHOLE)).items)
    assert isinstance(message, Message)
    assert (message.subject, message.change_key, message.is_read, message.is_draft) == (
        "Grüße 😀 \0",
        "k",
        False,
        True,
    )
    assert message.from_ == Recipient(email_address=EmailAddress(name="A", address="a@a.example"))
    assert (message.sender and message.sender.name, message.sender and message.sender.address) == (
        None,
        "b@a.example",
    )
    assert [recipient.name for recipient in message.to_recipients] == ["C"]
    assert (message.cc_recipients, message.bcc_recipients) == ((), ())
    assert [recipient.address for recipient in message.reply_to] == [None]
    assert message.body is not None
    assert message.body.content == "<p>Hello</p>"
    assert message.sent_at == datetime(2002, 8, 22, 11, 26, 25, tzinfo=UTC)
    assert message.received_at is None  # Exchange writes the first day of year 1 for no date
    assert message.created_at == datetime(1970, 1, 1, 7, 59, 59, tzinfo=UTC)
    assert message.modified_at == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert message.importance == "somewhat"
    assert message.model_extra is not None
    assert message.model_extra["somethingNew"] == {"deep": [1]}


def test_what_a_message_lacks_is_missing_and_not_made_up() -> None:
    [message] = map(read_item, read_items(body({"id": "1"})).items)
    assert isinstance(message, Message)
    fields = message.model_dump(exclude={"id"})
    assert {name: value for name, value in fields.items() if value not in (None, ())} == {}


def test_null_says_the_same_as_nothing() -> None:
    aliases = [field.alias for name, field in Message.model_fields.items() if name != "id"]
    [message] = map(read_item, read_items(body({"id": "1"} | dict.fromkeys(filter(None, aliases)))).items)
    assert message == Message(id="1")


@pytest.mark.parametrize(
    "broken",
    [
        {"receivedDateTime": "20020822"},
        {"receivedDateTime": 1030015585},
        {"receivedDateTime": "2002-08-22T11:26:25"},
        {"receivedDateTime": "yesterday"},
        {"sentDateTime": "9999-12-31T23:59:59-05:00"},
        {"sentDateTime": ""},
        {"isRead": "true"},
        {"isRead": 1},
        {"subject": 7},
        {"from": "a@a.example"},
        {"toRecipients": {"emailAddress": {}}},
        {"id": None},
        {"id": 7},
    ],
)
def test_a_message_that_does_not_fit_arrives_whole_and_with_its_reason(broken: dict[str, Any]) -> None:
    document = {"id": "1"} | broken
    page = read_items(body({"id": "0"}, document, {"id": "2"}))
    first, second, third = map(read_item, page.items)
    assert (first, third) == (Message(id="0"), Message(id="2"))
    assert isinstance(second, UnreadableMessage)
    assert second.document == document
    assert next(iter(broken)) in second.reason
    assert second.id == (document["id"] if isinstance(document["id"], str) else None)


def test_a_reason_never_repeats_what_the_message_says() -> None:
    message = read_message('{"id": "1", "isRead": "a secret", "receivedDateTime": "a secret"}')
    assert isinstance(message, UnreadableMessage)
    assert "secret" not in message.reason


@pytest.mark.parametrize("item", [7, None, "text", []])
def test_a_value_that_is_not_an_object_is_unreadable_too(item: object) -> None:
    [message] = map(read_item, read_items(body(item)).items)
    assert isinstance(message, UnreadableMessage)
    assert (message.id, message.document) == (None, item)


def test_half_a_surrogate_pair_costs_one_message_and_not_the_page() -> None:
    page = read_items(b'{"value":[{"id":"1","subject":"\\ud800"},{"id":"2"}],"@odata.nextLink":"n"}')
    first, second = map(read_item, page.items)
    assert isinstance(first, UnreadableMessage)
    assert first.document == {"id": "1", "subject": "\ud800"}
    assert (second, page.next_link) == (Message(id="2"), "n")


def test_documents_are_what_graph_gave() -> None:
    assert read_documents(body(WHOLE)).items == (WHOLE,)


def test_a_stored_document_can_be_written_out_again_under_graphs_names() -> None:
    message = Message.model_validate(WHOLE)
    again = Message.model_validate_json(message.model_dump_json(by_alias=True))
    assert again == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(sorted(WHOLE)),
)
def test_a_parsed_message_is_read_as_its_json_is(value: Any, name: str) -> None:
    text, message, problem = read_document(WHOLE | {name: value})
    again = read_message(text)
    assert problem == (again.reason if isinstance(again, UnreadableMessage) else None)
    assert isinstance(again, UnreadableMessage) or repr(message) == repr(again)
    assert repr(json.loads(text)) == repr(WHOLE | {name: value})


def test_a_lone_surrogate_is_stored_as_it_came_and_unreadable() -> None:
    text, message, problem = read_document({"id": "AAMk=", "subject": "half \ud83d", "isRead": True})
    assert text == r'{"id":"AAMk=","subject":"half \ud83d","isRead":true}'
    assert problem
    assert message == Message(id="AAMk=", subject="half \ufffd", is_read=True)


class WithSize(Message):
    size: int


def test_a_schema_of_ones_own_converts_values_as_pydantic_does() -> None:
    message = read_item(b'{"id":"1","size":"12","receivedDateTime":"2002-08-22T11:26:25Z"}', WithSize)
    assert isinstance(message, WithSize)
    assert message.size == 12
    assert message.received_at == datetime(2002, 8, 22, 11, 26, 25, tzinfo=UTC)
