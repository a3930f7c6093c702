"""A sync that kills its own process, as kill -9 does, when it comes to a moment for the nth time.

Run as a process: python -m tests.mail_query.killed_sync DATABASE_URL SETTINGS MOMENT NTH TOPIC [KAFKA_SERVER]
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from iacs.core._outbox import rows as outbox_rows
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent
from iacs.core.http_client import HttpClient, HttpResponse
from iacs.core.kafka_client import KafkaClient
from iacs.core.outbox import Outbox
from iacs.core.transaction import Transaction
from iacs.mail_query.page_store import PageStore
from tests.mail_query.whole import ALICE, whole

MOMENTS = {"answered": 2, "written": 2, "committed": 2, "published": 1, "confirmed": 1}
"""The nth time that each is reached, a page has been stored."""
ANY = "any"
"""Every moment, also before and after the commit of every other transaction."""


class Moment:
    def __init__(self, name: str, nth: int) -> None:
        self._name = name
        self._nth = nth
        self._times = count(1)

    def reached(self, name: str) -> None:
        if self._name in (name, ANY) and next(self._times) == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: Moment) -> None:
    """Let the real parts tell when their work is done."""
    send, add, run = HttpClient.send, Outbox.add, Database.run

    async def answered(self: HttpClient, method: str, url: str, **parts: Any) -> HttpResponse:
        response = await send(self, method, url, **parts)
        if url.partition("?")[0].endswith("/delta"):
            moment.reached("answered")
        return response

    def written(self: Outbox, tx: Transaction, events: Sequence[NewEvent]) -> None:
        add(self, tx, events)
        moment.reached("written")

    async def committed(self: Database, work: Any, *args: Any, **kwargs: Any) -> Any:
        def done(tx: Transaction) -> Any:
            result = work(tx, *args, **kwargs)
            moment.reached("")
            return result

        result = await run(self, done)
        function: Any = getattr(work, "__func__", getattr(work, "func", None))
        moment.reached({PageStore.store: "committed", outbox_rows.finish: "confirmed"}.get(function, ""))
        return result

    for owner, name, replacement in (
        (HttpClient, "send", answered),
        (Outbox, "add", written),
        (Database, "run", committed),
        (EventLog, "publish_many", published(EventLog, moment)),
        (KafkaClient, "publish_many", published(KafkaClient, moment)),
    ):
        setattr(owner, name, replacement)


def published(carrier: type[EventLog | KafkaClient], moment: Moment) -> Any:
    publish_many = carrier.publish_many

    async def publish(self: Any, events: Iterable[NewEvent]) -> int:
        number = await publish_many(self, events)
        moment.reached("published")
        return number

    return publish


async def main(url: str, settings: str, moment: str, nth: str, topic: str, *servers: str) -> None:
    arm(Moment(moment, int(nth)))
    with Database(url) as database:
        async with whole(database, json.loads(settings), page_size=3, servers=servers, topic=topic) as parts:
            await parts.mail.sync(ALICE)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
