"""How far consumer groups are behind, as the brokers know it."""

from asyncio import AbstractEventLoop
from collections.abc import Mapping, Sequence
from typing import Any

from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.driver import DriverError, KafkaAdminClient, OffsetSpec, TopicPartition
from iacs.core.events import PartitionLag


def read_lag(
    connection: KafkaConnection, topics: Sequence[str], group: str | None, *, loop: AbstractEventLoop
) -> list[PartitionLag]:
    """Return how far a group is behind in the partitions that have records, or all groups; raises KafkaError.

    It blocks a thread that is not the loop's, for up to the timeout of the connection.
    """
    timeout_ms = connection.driver_timeout_ms
    admin = connection.connect(KafkaAdminClient, loop=loop, request_timeout_ms=timeout_ms)
    try:
        return _lags(admin, topics, group)
    except DriverError as error:
        raise connection.no_answer("Kafka does not report offsets", error) from error
    finally:
        admin.close()


def _lags(admin: Any, topics: Sequence[str], group: str | None) -> list[PartitionLag]:
    partitions = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(list(topics))
        for partition in topic["partitions"]
    ]
    groups = [listed["group_id"] for listed in admin.list_groups()] if group is None else [group]
    if not partitions or not groups:
        return []
    ends = _offsets(admin, partitions, OffsetSpec.LATEST)
    starts = _offsets(admin, partitions, OffsetSpec.EARLIEST)
    committed = admin.list_group_offsets(dict.fromkeys(groups, partitions))
    return [
        _lag(name, partition, max(starts[partition], offsets[partition].offset), end)
        for name, offsets in sorted(committed.items())
        for partition, end in sorted(ends.items())
        if end and (name == group or offsets[partition].offset >= 0)
    ]


def _lag(group: str, partition: TopicPartition, start: int, end: int) -> PartitionLag:
    return PartitionLag(group, partition.topic, partition.partition, start, end, max(0, end - start))


def _offsets(admin: Any, partitions: Sequence[TopicPartition], spec: int) -> Mapping[TopicPartition, int]:
    answers = admin.list_partition_offsets(dict.fromkeys(partitions, spec))
    return {partition: answer.offset for partition, answer in answers.items()}
