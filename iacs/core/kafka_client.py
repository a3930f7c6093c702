"""Events through Apache Kafka, for asyncio, on kafka-python.

That is slow to import, and only some use it: it is imported when a KafkaClient is built.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from iacs.core._kafka.producer import Batch
from iacs.core.events import Event, NewEvent, topics_of
from iacs.core.exceptions import EventEncodingError, KafkaError, PublishError
from iacs.core.logger import Logger

if TYPE_CHECKING:
    from iacs.core._events.buffer import Unreadable
    from iacs.core._kafka.consumer import KafkaReader

_BATCH = 500
_BATCHES_ON_THEIR_WAY = 4


class KafkaClient:
    """Publish and consume events; nothing connects before the first use. `timeout` is in seconds.

    Topics are created by the brokers, when they are set up to do so; otherwise an unknown one is a KafkaError.
    """

    def __init__(
        self,
        bootstrap_servers: Sequence[str],
        *,
        timeout: float = 10.0,
        linger_ms: int = 5,
        batch_size: int = 262_144,
        dead_letter_topic: str = "iacs.dead-letter",
        security_protocol: str = "PLAINTEXT",
        ssl_cafile: Path | None = None,
        sasl_mechanism: str = "PLAIN",
        sasl_username: str = "",
        sasl_password: SecretStr | None = None,
        logger: Logger,
    ) -> None:
        from iacs.core._kafka.connection import KafkaConnection, servers
        from iacs.core._kafka.producer import KafkaProducer

        self._connection = KafkaConnection(
            servers(bootstrap_servers),
            timeout,
            security_protocol,
            ssl_cafile,
            sasl_mechanism,
            sasl_username,
            sasl_password,
        )
        self._dead_letter_topic = dead_letter_topic
        self._logger = logger
        self._producer = KafkaProducer(self._connection, linger_ms=linger_ms, batch_size=batch_size)
        self._readers: set[KafkaReader] = set()

    async def publish(
        self, topic: str, value: object, *, key: str | None = None, event_id: str | None = None
    ) -> None:
        """Publish one event; return when every replica in sync has it.

        Raises EventEncodingError, and KafkaError when that takes longer than the timeout.
        """
        event = NewEvent(topic, value, key) if event_id is None else NewEvent(topic, value, key, event_id)
        await self.publish_many([event])

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many, when all are acknowledged.

        The timeout is for each part of 500 events. Raises EventEncodingError before anything of its part is
        sent, PublishError when some are not acknowledged in time: those may arrive nevertheless.
        """
        remaining, on_their_way, count = iter(events), deque[Batch](), 0
        failed: dict[str, KafkaError] = {}
        while not failed and (part := list(islice(remaining, _BATCH))):
            on_their_way.append(await self._send(part))
            count += len(part)
            if len(on_their_way) == _BATCHES_ON_THEIR_WAY:
                failed |= await self._outcome(on_their_way.popleft())
        for batch in on_their_way:
            failed |= await self._outcome(batch)
        if failed:
            raise self._publish_error(failed)
        return count

    async def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Read events in the order of each key, as EventStream promises.

        While the brokers are away it waits for them, up to the timeout; then it raises KafkaError.
        """
        from iacs.core._kafka.consumer import KafkaReader

        names = topics_of(topics, group)
        await self._producer.check_topics(names)
        reader = KafkaReader(self._connection, names, group, idle_timeout=idle_timeout, logger=self._logger)
        self._readers.add(reader)
        reader.start()
        try:
            while (record := await reader.buffer.next()) is not None:
                if isinstance(record, Event):
                    yield record
                else:
                    await self._bury(record)
        finally:
            await reader.stop()
            self._readers.discard(reader)

    async def probe(self) -> Mapping[str, int]:
        """Return how many brokers there are, asked just now and within the timeout; raises KafkaError."""
        try:
            async with asyncio.timeout(self._connection.timeout):
                return {"brokers": await self._producer.brokers()}
        except TimeoutError as error:
            raise self._connection.error("Kafka did not answer in time; see that the brokers run") from error

    async def aclose(self) -> None:
        """End every iteration and let what is on its way arrive, within the timeout; safe to call twice."""
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        await self._producer.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, events: Sequence[NewEvent]) -> Batch:
        batch = Batch(events, timeout=self._connection.timeout)
        try:
            async with asyncio.timeout_at(batch.deadline):
                await self._producer.send(batch)
        except TimeoutError:
            batch.fail_missing(self._connection.error(f"Kafka did not answer in time for {batch.topics}"))
        except EventEncodingError:
            raise
        except KafkaError as error:
            batch.fail_missing(error)
        return batch

    async def _outcome(self, batch: Batch) -> dict[str, KafkaError]:
        try:
            async with asyncio.timeout_at(batch.deadline):
                await batch.done
        except TimeoutError:
            batch.fail_missing(
                self._connection.error(f"Kafka did not acknowledge in time for {batch.topics}")
            )
        return batch.failed()

    def _publish_error(self, failed: Mapping[str, KafkaError]) -> PublishError:
        first = next(iter(failed.values()))
        error = PublishError(str(first), event_ids=failed, hint=first.hint)
        error.__cause__ = first
        return error

    async def _bury(self, record: "Unreadable") -> None:
        from iacs.core._events.dead_letter import dead_letter

        fields = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._logger.warning("record passed over", reason=record.reason, **fields)
        if record.topic != self._dead_letter_topic:
            await self.publish_many([dead_letter(record, self._dead_letter_topic)])
