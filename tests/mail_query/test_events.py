"""The event of a new message, which is written as JSON without its model."""

from typing import Any
from uuid import UUID, uuid5

import pytest

from iacs.mail_query.document import Document
from iacs.mail_query.events import MailLocation, MailReceived, event_id, received
from tests.mail_query.test_schema import WHOLE

LOCATION = MailLocation("alice@contoso.example", "account-1", "Inbox", "folder-1")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(WHOLE, id="every field"),
        pytest.param({"id": "AAMk="}, id="no field"),
        pytest.param({"id": "AAMk=", "from": {"emailAddress": None}}, id="a sender without an address"),
        pytest.param({"id": "AAMk=", "sentDateTime": "2002-08-22T11:26:25.1234567+02:00"}, id="a fraction"),
        pytest.param({"id": "AAMk=", "isRead": "yes", "subject": "s"}, id="a field that does not fit"),
        pytest.param("no object", id="unreadable"),
    ],
)
def test_the_value_is_what_its_model_would_dump(document: Any) -> None:
    event = received("mail", LOCATION, "AAMk=", Document(document).reading)
    dumped = MailReceived.model_validate(event.value).model_dump(mode="json", by_alias=True)
    assert event.value == dumped
    assert list(event.value) == list(dumped)


@pytest.mark.parametrize(("kind", "is_draft"), [("mail.received", False), ("mail.draft", True)])
def test_the_id_is_a_uuid_of_version_5(kind: str, is_draft: bool) -> None:
    namespace = UUID("5d7d2f0c-52b5-4a0f-9d1e-6f0c6f1f4a3b")
    for name in map(str, range(100)):
        expected = uuid5(namespace, f"{kind}/ä/{name}")
        assert event_id("ä", name, is_draft=is_draft) == str(expected)
