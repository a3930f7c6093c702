"""A stored message is decoded by the first access to it, whatever that is, and is a Message like any other."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from iacs.core.exceptions import MailQueryError
from iacs.mail_query.schema import Message
from iacs.mail_query.stored_message import StoredMessage

TEXT = (
    '{"id":"1","subject":"Grüße","from":{"emailAddress":{"name":"A"}},"unknown":[1],'
    '"receivedDateTime":"2026-03-01T08:15:30Z","somethingNew":{"deep":[1]}}'
)


class Holder(BaseModel):
    message: Message


MESSAGES = TypeAdapter(list[Message])
READINGS: dict[str, Callable[[Message], Any]] = {
    "field": lambda message: message.subject,
    "nested field": lambda message: message.from_ and message.from_.name,
    "unknown field": lambda message: getattr(message, "somethingNew"),  # noqa: B009 - no type checker knows it
    "extra": lambda message: message.model_extra,
    "fields that are set": lambda message: message.model_fields_set,
    "class": lambda message: message.__class__,
    "variables": vars,
    "repr": repr,
    "str": str,
    "iteration": list,
    "equality": lambda message: message == Message.model_validate_json(TEXT),
    "inequality": lambda message: message == Message(id="1"),
    "dump": lambda message: message.model_dump(by_alias=True),
    "JSON": lambda message: message.model_dump_json(exclude_unset=True),
    "copy": lambda message: (copy.copy(message), type(copy.copy(message))),
    "deep copy": lambda message: (copy.deepcopy(message), type(copy.deepcopy(message))),
    "model copy": lambda message: message.model_copy(update={"subject": "other"}),
    "pickle": lambda message: pickle.loads(pickle.dumps(message)),  # noqa: S301 - its own
    "another model": lambda message: Holder(message=message).model_dump_json(),
    "a list": lambda message: MESSAGES.dump_python([message]),
    "validation": Message.model_validate,
}


@pytest.mark.parametrize("reading", READINGS)
def test_whatever_reads_a_stored_message_sees_a_message(reading: str) -> None:
    stored, expected = StoredMessage.of_json(TEXT), Message.model_validate_json(TEXT)
    assert isinstance(stored, Message)
    assert READINGS[reading](stored) == READINGS[reading](expected)


def test_a_stored_message_that_was_read_is_of_the_class_message() -> None:
    message = StoredMessage.of_json(TEXT)
    assert message.id == "1"
    assert type(message) is Message
    with pytest.raises(ValidationError, match="frozen"):
        message.subject = "other"


def test_a_stored_message_has_the_hash_of_an_equal_one() -> None:
    assert hash(StoredMessage.of_json('{"id":"1"}')) == hash(Message(id="1"))


def test_a_document_that_fits_no_more_is_an_error_that_says_so() -> None:
    message = StoredMessage.of_json('{"id":"1","isRead":"yes"}')
    for _ in range(2):
        with pytest.raises(MailQueryError, match="isRead: Input should be a valid boolean"):
            assert message.subject
