"""Reads the records of a fetched batch, and their headers when they are asked for.

kafka-python 3.0.12 spends half of its time on headers, and never gets past a record with a header name that is not
UTF-8.
"""

from typing import Any

from iacs.core._events.cloud_event import read_event
from iacs.core._events.encoding import decode
from iacs.core._events.event_buffer import Fetched, UnreadableRecord
from iacs.core._kafka.driver import DefaultRecordBatch, decode_varint


class RawHeaders:
    """The headers of a record as the brokers sent them; false, so that kafka-python does not count their bytes."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return False

    def read(self, *, name_errors: str = "strict") -> dict[str, str]:
        """Return names and values; raises ValueError for a name that is not UTF-8, unless `name_errors` escapes it."""
        data, headers = self._data, dict[str, str]()
        if data.isascii():  # so each length is one byte, and text is cut where bytes would be
            text, start = data.decode(), 1
            for _ in range(data[0] >> 1):
                middle = start + 1 + (data[start] >> 1)
                end = middle + 1 + (data[middle] >> 1)
                headers[text[start + 1 : middle]] = text[middle + 1 : end]
                start = end
            return headers
        count, position = decode_varint(data, 0)
        for _ in range(count):
            name, position = _bytes_at(data, position)
            value, position = _bytes_at(data, position)
            headers[str(name or b"", "utf-8", name_errors)] = str(value or b"", "utf-8", "backslashreplace")
        return headers


class _Record:
    """What kafka-python asks of a record, without the time, which nothing here reads: an event has it in a header."""

    __slots__ = ("headers", "key", "offset", "size_in_bytes", "value")
    timestamp = -1
    timestamp_type = 0
    checksum = None

    def __init__(
        self, offset: int, key: bytes | None, value: bytes | None, headers: RawHeaders, *, size: int
    ) -> None:
        self.offset = offset
        self.key = key
        self.value = value
        self.headers = headers
        self.size_in_bytes = size

    def validate_crc(self) -> bool:
        """Return True: the checksum is that of the batch."""
        return True


class _Batch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()
    _buffer: Any
    _pos: Any

    def __iter__(self) -> Any:
        records = super().__iter__()  # pyright: ignore[reportAttributeAccessIssue] - it decompresses
        self._buffer = bytes(self._buffer)  # so that keys and values are slices of it
        return records

    def _read_msg(self) -> Any:
        if self.is_control_batch:
            return super()._read_msg()  # pyright: ignore[reportAttributeAccessIssue]
        data = self._buffer
        size, position = decode_varint(data, self._pos)
        end = position + size
        _, position = decode_varint(data, position + 1)  # the time, after a byte of attributes that is unused
        offset, position = decode_varint(data, position)
        key, position = _bytes_at(data, position)
        value, position = _bytes_at(data, position)
        if not position < end <= len(data):
            raise ValueError("a record ends elsewhere than its size says")
        self._pos = end
        return _Record(self.base_offset + offset, key, value, RawHeaders(data[position:end]), size=size)


class _Batches:
    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if type(batch) is DefaultRecordBatch:
            batch.__class__ = _Batch
        return batch


def read_raw_headers(consumer: Any) -> None:
    """Let a consumer return records with RawHeaders, unless they are in the format of Kafka before 0.11."""
    fetcher = consumer._fetcher
    parse = fetcher.PartitionRecords

    def parse_all(offset: int, partition: Any, records: Any, **options: Any) -> Any:
        return parse(offset, partition, _Batches(records), **options)

    fetcher.PartitionRecords = parse_all


def _bytes_at(data: bytes, position: int) -> tuple[bytes | None, int]:
    """Return the bytes whose length is at a position, and where they end; None for null."""
    first = data[position]
    if first & 0x81:  # a length of several bytes, or a negative one
        size, position = decode_varint(data, position)
        if size < 0:
            return None, position
    else:
        size, position = first >> 1, position + 1
    end = position + size
    return data[position:end], end


def read_record(record: Any) -> Fetched:
    """Return a ConsumerRecord as an event, or as unreadable with the reason, and its size in bytes."""
    key, value, headers = record.key, record.value, record.headers
    size = len(key or b"") + len(value or b"")
    try:
        texts = headers.read() if type(headers) is RawHeaders else dict[str, str]()
    except UnicodeDecodeError:
        texts = headers.read(name_errors="backslashreplace")
        return _unreadable(record, texts, "the name of a header is not UTF-8"), size
    try:
        event = read_event(
            texts,
            topic=record.topic,
            value=decode(value) if value is not None else None,
            key=key.decode() if key is not None else None,
            partition=record.partition,
            offset=record.offset,
        )
    except UnicodeDecodeError as error:
        what = "the key is not UTF-8: " if error.object == key else ""
        return _unreadable(record, texts, f"not JSON: {what}{error}"), size
    except ValueError as error:
        return _unreadable(record, texts, f"not JSON: {error}"), size
    return event, size


def _unreadable(record: Any, headers: dict[str, str], reason: str) -> UnreadableRecord:
    return UnreadableRecord(
        record.topic, record.partition, record.offset, record.key, record.value, headers, reason
    )
