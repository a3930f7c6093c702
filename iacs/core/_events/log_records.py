"""Records of the event log: the SQL that appends and reads them.

Offsets are drawn from a counter that the transaction locks, so they are dense and become visible in their
order: a consumer that has read up to an offset has missed nothing before it.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from iacs.core import clock
from iacs.core._events import cloud_event, counters
from iacs.core._events.encoded_event import EncodedEvent
from iacs.core._events.encoding import decode
from iacs.core._events.event_buffer import Fetched, Record, UnreadableRecord
from iacs.core.events import Partition
from iacs.core.transaction import Row, Transaction

PARTITIONS = 8
"""Of each topic. It cannot change later: the order of a key rests on its partition."""

_READ = """
    SELECT topic, partition, "offset", event_id, event_key, value, headers FROM iacs_event_log
    WHERE topic = :topic AND partition = :partition AND "offset" >= :start
    ORDER BY "offset" LIMIT :limit
"""


def partitions_of(topics: Iterable[str]) -> list[Partition]:
    """Return every partition of these topics."""
    return [(topic, number) for topic in topics for number in range(PARTITIONS)]


def append(tx: Transaction, events: Sequence[EncodedEvent]) -> dict[Partition, list[Row]]:
    """Add events in their order; return their rows."""
    by_partition = defaultdict[Partition, list[EncodedEvent]](list)
    for encoded in events:
        event = encoded.event
        key = event.id if event.key is None else event.key
        by_partition[event.topic, zlib.crc32(key.encode()) % PARTITIONS].append(encoded)
    now, rows = clock.to_text(clock.now()), dict[Partition, list[Row]]()
    for partition in sorted(by_partition):  # sorted, so that two transactions never wait for each other
        batch = by_partition[partition]
        start = counters.draw(tx, _counter(partition), len(batch))
        rows[partition] = [_row(partition, start + n, encoded, now) for n, encoded in enumerate(batch)]
        tx.insert("iacs_event_log", rows[partition])
    return rows


def end_offsets(tx: Transaction, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """Return the offset after the last record, for the partitions that have any."""
    by_counter = {_counter(partition): partition for partition in partitions}
    return {by_counter[name]: value for name, value in counters.values(tx, list(by_counter)).items()}


def log_version(tx: Transaction) -> int:
    """Return a number that changes whenever a record is added to any topic."""
    return counters.total(tx, "event_log/")


def read(tx: Transaction, starts: Mapping[Partition, int], limit: int) -> list[Fetched]:
    """Return up to `limit` records from each partition, from its start on."""
    result = list[Fetched]()
    for partition, end in end_offsets(tx, list(starts)).items():
        if starts[partition] < end:
            rows = rows_from(tx, partition, starts[partition], limit=limit)
            result.extend(map(fetched, rows))
    return result


def rows_from(tx: Transaction, partition: Partition, start: int, *, limit: int) -> list[Row]:
    """Return up to `limit` rows of a partition from an offset on."""
    topic, number = partition
    return tx.rows(_READ, {"topic": topic, "partition": number, "start": start, "limit": limit})


def _counter(partition: Partition) -> str:
    return f"event_log/{partition[0]}/{partition[1]}"


def _row(partition: Partition, offset: int, encoded: EncodedEvent, now: str) -> Row:
    return {
        "topic": partition[0],
        "partition": partition[1],
        "offset": offset,
        "event_id": encoded.event.id,
        "event_key": encoded.event.key,
        "value": encoded.value,
        "headers": encoded.headers_text,
        "created_at": now,
    }


def fetched(row: Row) -> Fetched:
    """Return the record of a row, and its size in bytes."""
    size = len(row["value"]) + len(row["event_key"] or "")
    try:
        return _event(row), size
    except ValueError as error:
        return _unreadable(row, f"not JSON: {error}"), size


def _event(row: Row) -> Record:
    return cloud_event.read_event(
        _headers(row),
        topic=row["topic"],
        value=decode(row["value"]),
        key=row["event_key"],
        partition=row["partition"],
        offset=row["offset"],
    )


def _headers(row: Row) -> dict[str, str]:
    """Return the headers, with the id also for a row that another program wrote; raise ValueError for anything else."""
    headers = decode(row["headers"])
    if not isinstance(headers, dict):
        raise ValueError("the headers are not an object")  # noqa: TRY004 - makes the record unreadable, as bad JSON does
    return {**_id(row), **headers}


def _id(row: Row) -> dict[str, str]:
    return {cloud_event.ID: row["event_id"]} if row["event_id"] else {}


def _unreadable(row: Row, reason: str) -> UnreadableRecord:
    key = row["event_key"]
    try:
        headers = _headers(row)
    except ValueError:
        headers = _id(row)
    return UnreadableRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=key.encode() if key is not None else None,
        value=row["value"].encode(),
        headers=headers,
        reason=reason,
    )
