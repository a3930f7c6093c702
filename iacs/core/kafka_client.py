"""Events through Apache Kafka, for asyncio, on kafka-python.

kafka-python is slow to import, and only some programs use it: it is imported when a KafkaClient is built.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from iacs.core._events.stream import BaseEventStream
from iacs.core._kafka.settings import Compression, OAuthToken
from iacs.core.events import DEFAULT_SOURCE, DeadLetterFailure, NewEvent, PartitionLag
from iacs.core.exceptions import EventRejectedError, KafkaError, PublishError
from iacs.core.logger import Logger

if TYPE_CHECKING:
    from iacs.core._kafka.publisher import Batch
    from iacs.core._kafka.reader import KafkaReader

__all__ = ["Compression", "KafkaClient", "OAuthToken"]

_BATCH = 500
_MAX_BATCHES_IN_FLIGHT = 4


class KafkaClient(BaseEventStream["KafkaReader"]):
    """An event stream on Kafka, connected at the first use.

    `timeout` is in seconds, `linger_ms` in milliseconds, `batch_size` in bytes. With `create_topics` the brokers
    create topics if they are configured to; otherwise an unknown topic is a KafkaError. `oauth_token` returns the
    access token for the mechanism OAUTHBEARER at every sign-in; it may be async.
    """

    def __init__(
        self,
        bootstrap_servers: Sequence[str],
        *,
        timeout: float = 10.0,
        linger_ms: int = 5,
        batch_size: int = 262_144,
        compression: Compression = "none",
        create_topics: bool = True,
        dead_letter_topic: str = "iacs.dead-letter",
        dead_letter_failure: DeadLetterFailure = "stop",
        source: str = DEFAULT_SOURCE,
        security_protocol: str = "PLAINTEXT",
        ssl_cafile: Path | None = None,
        ssl_certfile: Path | None = None,
        ssl_keyfile: Path | None = None,
        ssl_key_password: SecretStr | None = None,
        sasl_mechanism: str = "PLAIN",
        sasl_username: str = "",
        sasl_password: SecretStr | None = None,
        oauth_token: OAuthToken | None = None,
        logger: Logger,
    ) -> None:
        from iacs.core._kafka.connection import KafkaConnection, servers
        from iacs.core._kafka.publisher import KafkaPublisher

        super().__init__(
            dead_letter_topic=dead_letter_topic, dead_letter_failure=dead_letter_failure, logger=logger
        )
        self._connection = KafkaConnection(
            bootstrap_servers=servers(bootstrap_servers),
            timeout=timeout,
            security_protocol=security_protocol,
            ssl_cafile=ssl_cafile,
            ssl_certfile=ssl_certfile,
            ssl_keyfile=ssl_keyfile,
            ssl_key_password=ssl_key_password,
            sasl_mechanism=sasl_mechanism,
            sasl_username=sasl_username,
            sasl_password=sasl_password,
            oauth_token=oauth_token,
        )
        self._create_topics = create_topics
        self._publisher = KafkaPublisher(
            self._connection,
            source=source,
            linger_ms=linger_ms,
            batch_size=batch_size,
            compression=compression,
            create_topics=create_topics,
        )

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many, when every replica in sync has them.

        The timeout is for each batch of 500 events. Raises EventEncodingError before anything of its batch is
        sent, PublishError when some are not acknowledged in time: those may arrive nevertheless. Its cause is
        the KafkaError of the first.
        """
        remaining, in_flight, count = iter(events), deque["Batch"](), 0
        failures: dict[str, KafkaError] = {}
        while not failures and (part := list(islice(remaining, _BATCH))):
            in_flight.append(await self._publisher.send(part))
            count += len(part)
            if len(in_flight) == _MAX_BATCHES_IN_FLIGHT:
                failures |= await in_flight.popleft().failures()
        for batch in in_flight:
            failures |= await batch.failures()
        if failures:
            first = next(iter(failures.values()))
            rejections = {
                id_: error.message_with_hint
                for id_, error in failures.items()
                if isinstance(error, EventRejectedError)
            }
            raise PublishError(
                str(first), event_ids=failures, rejections=rejections, hint=first.hint
            ) from first
        return count

    async def probe(self) -> Mapping[str, int]:
        """Request the cluster's metadata; return how many brokers there are, and how far the consumers are behind.

        The consumers are those of this object. Raises KafkaError after the timeout.
        """
        try:
            async with asyncio.timeout(self._connection.timeout):
                brokers = await self._publisher.count_brokers()
        except TimeoutError as error:
            what = f"Kafka did not answer within {self._connection.timeout:g} s"
            raise self._connection.no_answer(what) from error
        lag = sum(reader.lag() for reader in self._readers)
        return {"brokers": brokers, "consumers": len(self._readers), "lag": lag}

    async def aclose(self) -> None:
        """End every iteration and wait for events in flight, up to the timeout; safe to call twice."""
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        await self._publisher.aclose()

    async def _open_reader(
        self, topics: Sequence[str], group: str | None, *, idle_timeout: float | None
    ) -> "KafkaReader":
        from iacs.core._kafka.reader import KafkaReader

        reader = KafkaReader(
            self._connection,
            topics,
            group,
            idle_timeout=idle_timeout,
            create_topics=self._create_topics,
            logger=self._logger,
        )
        reader.start()
        return reader

    async def _lag(self, topics: Sequence[str], group: str | None) -> Sequence[PartitionLag]:
        from iacs.core._kafka.lag import read_lag

        await self._connection.check_reachable()
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(read_lag, self._connection, topics, group, loop=loop)

    async def _check_topics(self, topics: Sequence[str]) -> None:
        await self._publisher.check_topics(topics)
