"""Publishing the events about accounts."""

import asyncio

from iacs.account.recorder import Recorder
from iacs.core.database import Database
from iacs.core.events import DEFAULT_SOURCE, EventStream
from iacs.core.exceptions import DatabaseError, EventError
from iacs.core.logger import Logger
from iacs.core.outbox import Outbox


class AccountPublisher:
    """Publishes what the recorder of the accounts stores, at once.

    The service of the accounts works without it, so that people can sign in while the broker is away. Where only
    some parts are started, and this is none of them, the events wait.

    It has no probe: in the database of the mail, the outbox of mail_query counts its events. With a database of its own,
    call `outbox.probe`.
    """

    def __init__(
        self,
        recorder: Recorder,
        database: Database,
        events: EventStream,
        *,
        source: str = DEFAULT_SOURCE,
        retention_days: float = 0.0,
        publish_seconds: float = 5.0,
        logger: Logger,
    ) -> None:
        self.outbox = Outbox(database, events, source=source, retention_days=retention_days, logger=logger)
        self._publish_seconds = publish_seconds
        self._logger = logger
        recorder.publish_with(self.publish)

    async def publish(self) -> None:
        """Publish the waiting events, for `publish_seconds` at most; what is left is published later."""
        try:
            async with asyncio.timeout(self._publish_seconds):
                await self.outbox.relay()
        except TimeoutError:
            reason = f"they were not published within {self._publish_seconds:g} seconds"
            self._logger.warning("events still pending", reason=reason)
        except (DatabaseError, EventError) as error:
            self._logger.warning("events still pending", reason=str(error))
