"""A process that relays an outbox and dies between publishing and marking; run by test_outbox.py."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import EventStream, NewEvent
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox

LOGGER = create_logger(level="CRITICAL")


async def main(url: str, servers: str) -> None:
    async with Database(url) as database:
        events = (
            KafkaClient([servers], timeout=30, logger=LOGGER)
            if servers
            else EventLog(database, logger=LOGGER)
        )
        publish_many = events.publish_many

        async def publish_and_die(batch: Iterable[NewEvent]) -> int:
            await publish_many(batch)
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        events.publish_many = publish_and_die  # type: ignore[assignment,method-assign]
        stream: EventStream = events
        await Outbox(database, stream, logger=LOGGER, lease_seconds=2).relay()


asyncio.run(main(*sys.argv[1:]))
