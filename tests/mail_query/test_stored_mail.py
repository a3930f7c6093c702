"""Stored mail is read by indexes, and beside a writer."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from iacs.core.database import Database
from iacs.core.transaction import Transaction
from iacs.mail_query import message_rows
from tests.mail_query.conftest import Parts

ACCOUNTS, FOLDERS, MESSAGES = 4, 20, 4000

_FILL = """
INSERT INTO iacs_messages (account_id, id, folder_id, document, generation, stored_at)
SELECT 'account' || n % {accounts}, 'message' || n, 'folder' || n % {folders}, {document}, 0, '2026' FROM {numbers}
"""
_DOCUMENT = {"sqlite": "hex(randomblob(1000))", "postgresql": "repeat(md5(CAST(n AS TEXT)), 40)"}
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {}) SELECT n FROM numbers)",
    "postgresql": "generate_series(1, {}) AS numbers(n)",
}


class Explaining:
    """A transaction whose queries return nothing, and leave the plan that the database makes for them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.dialect = tx.dialect
        self.plan = ""

    def rows(self, sql: str, params: Any) -> list[Any]:
        explain = "EXPLAIN QUERY PLAN" if self.dialect == "sqlite" else "EXPLAIN"
        plan = self._tx.rows(f"{explain} {sql}", params)
        self.plan = "\n".join(str(row[list(row)[-1]]) for row in plan)
        return []

    def value(self, sql: str, params: Any) -> int:
        self.rows(sql, params)
        return 0


@pytest.fixture
async def filled(database: Database) -> Database:
    """Messages of several accounts and folders, as long as real ones."""

    def fill(tx: Transaction) -> None:
        tx.execute(
            _FILL.format(
                accounts=ACCOUNTS,
                folders=FOLDERS,
                document=_DOCUMENT[tx.dialect],
                numbers=_NUMBERS[tx.dialect].format(MESSAGES),
            )
        )
        tx.execute("ANALYZE iacs_messages")

    await database.run(fill)
    return database


async def plan(database: Database, query: Callable[..., Any], **arguments: Any) -> str:
    def explain(tx: Transaction) -> str:
        if tx.dialect == "postgresql":  # which estimates few and new rows differently from a mailbox
            tx.execute("SET LOCAL enable_seqscan = off")
            tx.execute("SET LOCAL enable_bitmapscan = off")
        explaining = Explaining(tx)
        query(explaining, "account1", **arguments)
        return explaining.plan

    return await database.read(explain)


@pytest.mark.parametrize("removed", [False, True])
async def test_the_messages_of_a_folder_are_read_without_those_of_others(
    filled: Database, removed: bool
) -> None:
    text = await plan(
        filled, message_rows.documents, folder_id="folder1", removed=removed, after="", limit=200
    )
    assert "iacs_messages_by_" in text
    assert "folder_id" in text
    assert "Seq Scan" not in text


@pytest.mark.parametrize("folder", ["folder1", None])
async def test_messages_are_counted_without_their_rows(filled: Database, folder: str | None) -> None:
    text = await plan(filled, message_rows.count, folder_id=folder, removed=False)
    if filled.dialect == "sqlite":  # PostgreSQL decides by what a vacuum has recorded of the rows
        assert "USING COVERING INDEX iacs_messages_by_folder" in text
    else:
        assert "Seq Scan" not in text


async def test_the_messages_of_all_folders_are_counted_without_their_rows(filled: Database) -> None:
    text = await plan(filled, message_rows.stored_counts)
    assert "iacs_messages_unreadable" in text
    if filled.dialect == "sqlite":
        assert "USING COVERING INDEX iacs_messages_by_folder" in text
    else:
        assert "Seq Scan on iacs_messages" not in text


async def test_stored_mail_is_read_while_another_transaction_writes(parts: Parts) -> None:
    mailbox = parts.enrol()
    has_begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(tx: Transaction) -> None:
        tx.execute("INSERT INTO iacs_leases (name, holder, expires_at) VALUES ('held', 'x', 'x')")
        loop.call_soon_threadsafe(has_begun.set)
        may_end.wait(30)

    writing = asyncio.create_task(parts.database.run(hold))
    try:
        async with asyncio.timeout(10):
            await has_begun.wait()
            assert await parts.mail.count(mailbox) == 0
            assert [message async for message in parts.mail.stored(mailbox)] == []
            await parts.mail.probe()
        assert not writing.done()
    finally:
        may_end.set()
        await writing
