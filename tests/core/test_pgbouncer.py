"""PostgreSQL behind PgBouncer in transaction mode, where every transaction may use another connection of the server."""

import asyncio

import pytest

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent
from iacs.core.exceptions import DatabaseError
from iacs.core.outbox import Outbox
from tests.fixtures.events import LOGGER, read

WORKERS = 8


async def work(database: Database, number: int) -> None:
    """Execute the same statements so often that the driver would prepare them."""
    for _ in range(10):
        await database.run(
            lambda tx: (
                tx.execute("INSERT INTO work (id) VALUES (:id)", {"id": number}),
                tx.value("SELECT count(*) FROM work WHERE id = :id", {"id": number}),
            )
        )


async def test_transactions_share_the_connections_of_the_server(pgbouncer_url: str) -> None:
    async with Database(pgbouncer_url, timeout=20, prepared_statements=False) as database:
        await database.run(lambda tx: tx.execute("CREATE TABLE work (id integer)"))
        await asyncio.gather(*(work(database, number) for number in range(WORKERS)))
        count = await database.run(lambda tx: tx.value("SELECT count(*) FROM work"))
        assert count == 10 * WORKERS
        await database.probe()


async def test_events_and_the_outbox_work(pgbouncer_url: str, topic: str) -> None:
    async with (
        Database(pgbouncer_url, timeout=20, prepared_statements=False) as database,
        EventLog(database, logger=LOGGER) as log,
    ):
        outbox = Outbox(database, log, logger=LOGGER)
        parts = [[NewEvent(topic, n, key=str(n)) for n in range(20)] for _ in range(4)]
        await asyncio.gather(*(log.publish_many(part) for part in parts))
        await database.run(lambda tx: outbox.add(tx, [NewEvent(topic, "last", key="k")]))
        assert await outbox.relay() == 1
        assert len(await read(log, topic, "group", idle_timeout=1)) == 81


async def test_prepared_statements_fail_with_the_setting_in_the_hint(pgbouncer_url: str) -> None:
    async with Database(pgbouncer_url, timeout=20) as database:
        await database.run(lambda tx: tx.execute("CREATE TABLE work (id integer)"))
        with pytest.raises(DatabaseError, match="prepared statement") as caught:
            await asyncio.gather(*(work(database, number) for number in range(WORKERS)))
    assert "DATABASE_PREPARED_STATEMENTS=false" in caught.value.hint
