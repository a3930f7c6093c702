"""Documents in SQLite are compressed, whatever they contain; other programs can read them."""

import json

import pytest
import zstandard

from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction
from iacs.mail_query.compression import SHORTEST, compressor, decompressor
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import page

DELTA = "/me/mailFolders/f/messages/delta"
END = {"delta_link": "{url}/later"}
LONG = {"content": "Grüße 😀 \0 " * 500}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "text", ["", "{}", "x" * (SHORTEST - 1), "x" * SHORTEST, "ü\0😀" * 1000, '"\\ud83d"' * 100]
)
def test_a_document_is_read_as_it_was_stored(dialect: str, text: str) -> None:
    stored = compressor(dialect)(text)
    assert decompressor(dialect)(stored) == text
    assert isinstance(stored, bytes) == (dialect == "sqlite" and len(text) >= SHORTEST)


async def test_mail_is_read_and_compared_with_its_compressed_form(parts: Parts) -> None:
    mailbox = parts.enrol()
    parts.graph.on("/me/mailFolders", page({"id": "f", "displayName": "F"}))
    parts.graph.on(DELTA, page({"id": "1", "body": LONG}, **END))
    parts.graph.on("/later", page({"id": "1", "body": LONG}, **END))
    assert (await parts.mail.sync(mailbox)).new == 1
    assert (await parts.mail.sync(mailbox)).updated == 0
    [stored] = [message async for message in parts.mail.stored(mailbox)]
    assert stored.body.content == LONG["content"]  # type: ignore[union-attr]


async def test_other_programs_read_the_document_with_zstandard(parts: Parts) -> None:
    mailbox = parts.enrol()
    parts.graph.on("/me/mailFolders", page({"id": "f", "displayName": "F"}))
    parts.graph.on(DELTA, page({"id": "1", "body": LONG}, **END))
    await parts.mail.sync(mailbox)
    document = await parts.database.read(lambda tx: tx.value("SELECT document FROM iacs_messages"))
    if parts.database.dialect == "sqlite":
        assert len(document) < 1000
        document = zstandard.decompress(document)
    assert json.loads(document)["body"] == LONG


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_damaged_document_is_an_error_of_the_database(parts: Parts) -> None:
    mailbox = parts.enrol()
    parts.graph.on("/me/mailFolders", page({"id": "f", "displayName": "F"}))
    parts.graph.on(DELTA, page({"id": "1", "body": LONG}, **END))
    await parts.mail.sync(mailbox)
    await parts.database.run(_damage)
    with pytest.raises(DatabaseError, match="cannot be decompressed"):
        _ = [message async for message in parts.mail.stored(mailbox)]


def _damage(tx: Transaction) -> None:
    tx.execute("UPDATE iacs_messages SET document = substr(document, 1, 50)")
