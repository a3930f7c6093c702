"""A process that relays an outbox, and says when it has begun and with which error it ended; run by a test."""

import asyncio
import sys
from collections.abc import Iterable

from iacs.core.database import Database
from iacs.core.events import NewEvent
from iacs.core.exceptions import IACSGraphError
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox

LOGGER = create_logger(level="CRITICAL")


class Announcing(KafkaClient):
    """A client that waits for a line of standard input after its first batch."""

    is_first = True

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        count = await super().publish_many(events)
        if self.is_first:
            self.is_first = False
            print("relaying", flush=True)  # noqa: T201
            await asyncio.to_thread(sys.stdin.readline)
        return count


async def main(url: str, servers: str, topic: str) -> None:
    async with Database(url) as database, Announcing([servers], timeout=2, logger=LOGGER) as events:
        outbox = Outbox(database, events, logger=LOGGER)
        await database.run(
            lambda tx: outbox.add(tx, [NewEvent(topic, n, key=str(n % 7)) for n in range(5000)])
        )
        try:
            await outbox.relay()
        except IACSGraphError as error:
            print(type(error).__name__, error, flush=True)  # noqa: T201


asyncio.run(main(*sys.argv[1:]))
