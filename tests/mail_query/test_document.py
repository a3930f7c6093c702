"""The document of an item: decoded by msgspec where that agrees with pydantic, and by pydantic otherwise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from iacs.mail_query.document import Document
from iacs.mail_query.fast_json import decode_summary
from iacs.mail_query.items import read_document
from iacs.mail_query.schema import Message

TEXTS = st.text() | st.none()
INSTANTS = st.sampled_from(
    [
        *("2026-03-01T08:15:30Z", "2026-02-30T08:15:30Z", "2026-W09-1T00:00:00Z", "0001-01-01T00:00:00Z"),
        *(
            "2026-03-01T08:15:30.1234567Z",
            "2026-03-01T08:15:30+02:00",
            "2026-03-01T08:15:60Z",
            "20260301",
            "",
        ),
        *("2026-03-01 08:15:30Z", "2026-03-01t08:15:30z", "2026-03-01T24:00:00Z", "2026-03-01T08:15:30"),
    ]
)
RECIPIENTS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "emailAddress": st.none() | st.fixed_dictionaries({}, optional={"name": TEXTS, "address": TEXTS})
    },
)
MOMENTS = st.none() | st.fixed_dictionaries({}, optional={"dateTime": TEXTS, "timeZone": TEXTS})
ODD = st.sampled_from([0, 1.5, True, [], {}, "x", "\0", [None], {"x": 1}])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "@odata.etag": TEXTS,
    "changeKey": TEXTS,
    "internetMessageId": TEXTS,
    "subject": TEXTS,
    "body": st.none() | st.fixed_dictionaries({}, optional={"contentType": TEXTS, "content": TEXTS}),
    "from": RECIPIENTS,
    "toRecipients": st.none() | st.lists(RECIPIENTS, max_size=2),
    "sentDateTime": INSTANTS | st.none(),
    "receivedDateTime": INSTANTS,
    "createdDateTime": INSTANTS,
    "isRead": st.booleans() | st.none(),
    "isDraft": st.booleans(),
    "hasAttachments": st.booleans(),
    "categories": st.none() | st.lists(st.text(), max_size=2),
    "flag": st.none() | st.fixed_dictionaries({}, optional={"flagStatus": TEXTS, "dueDateTime": MOMENTS}),
    "internetMessageHeaders": st.lists(st.fixed_dictionaries({}, optional={"name": TEXTS}), max_size=1),
}
MESSAGES = st.fixed_dictionaries(
    {"id": st.text() | ODD}, optional={name: FIELDS[name] | ODD for name in FIELDS}
)
ORDINARY = {
    "@odata.etag": 'W/"k"',
    "id": "AAMk=",
    "changeKey": "k",
    "subject": "Grüße \0",
    "from": {"emailAddress": {"name": "A", "address": "a@a.example"}},
    "flag": {
        "flagStatus": "flagged",
        "dueDateTime": {"dateTime": "2026-03-01T00:00:00.0000000", "timeZone": "UTC"},
    },
    "receivedDateTime": "2026-03-01T08:15:30Z",
    "isDraft": False,
}


def json_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@given(MESSAGES)
def test_every_document_is_read_as_pydantic_reads_it(value: Any) -> None:
    document, expected = Document.of_json(json_of(value)), Document(value)
    assert document.reading == expected.reading
    assert document == expected
    assert json.loads(document.text) == value
    ids = (document.id, document.change_key, document.is_draft, document.is_removal)
    assert ids == (expected.id, expected.change_key, expected.is_draft, expected.is_removal)
    again = Document.stored(document.text)
    assert (again, again.reading, again.text) == (document, document.reading, document.text)


def test_an_ordinary_message_is_decoded_without_pydantic_and_stored_as_it_came() -> None:
    text = json_of(ORDINARY)
    summary = decode_summary(text)
    assert (summary.id, summary.subject, summary.sender_name) == ("AAMk=", "Grüße \0", "A")
    assert Document.of_json(text).text == text.decode()


@pytest.mark.parametrize(
    "odd",
    [{"somethingNew": 1}, {"subject": 7}, {"receivedDateTime": "2026-03-01T08:15:30+02:00"}, {"isRead": 1}],
)
def test_a_message_with_anything_else_is_left_to_pydantic(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode_summary(json_of(ORDINARY | odd))
    document = Document.of_json(json_of(ORDINARY | odd))
    assert document.reading.problem == read_document(ORDINARY | odd)[2]


def test_every_field_of_a_message_has_its_fast_form() -> None:
    names = [field.alias or "" for field in Message.model_fields.values()]
    assert decode_summary(json_of(dict.fromkeys(names) | {"id": "1"})).id == "1"


def test_an_update_keeps_what_it_does_not_repeat() -> None:
    before = Document.stored('{"id":"1","subject":"a","isRead":false}')
    after = before.updated(Document.of_json(b'{"id":"1","isRead":true}'))
    assert after.value == {"id": "1", "subject": "a", "isRead": True}


def test_an_update_that_repeats_everything_is_stored_as_it_came() -> None:
    before = Document.stored('{"id":"1","isRead":false}')
    newer = Document.of_json(b'{"id":"1","isRead":true}')
    assert before.updated(newer) is newer


@given(MESSAGES)
def test_what_strict_validation_accepts_is_what_any_other_yields(value: Any) -> None:
    text = json_of(value)
    try:
        strict = Message.model_validate_json(text, strict=True)
    except ValidationError:
        return
    message = Message.model_validate_json(text)
    assert (strict, repr(strict)) == (message, repr(message))
    assert strict.model_dump_json(exclude_unset=True) == message.model_dump_json(exclude_unset=True)


def test_an_ordinary_message_is_validated_strictly() -> None:
    message = Message.model_validate_json(
        json_of(ORDINARY | {"toRecipients": [], "unknown": [1]}), strict=True
    )
    assert message.received_at == datetime(2026, 3, 1, 8, 15, 30, tzinfo=UTC)
    assert message.model_extra is not None
    assert message.model_extra["unknown"] == [1]
