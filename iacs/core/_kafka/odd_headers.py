"""Reads records whose header names are not UTF-8; kafka-python 3.0.12 would never get past such a record."""

from typing import Any

from iacs.core._kafka.driver import DefaultRecord, DefaultRecordBatch, decode_varint


class OddHeaders(list[tuple[str, bytes | None]]):
    """The headers of a record with a name that is not UTF-8; the bytes of it are written as escapes."""


def accept_odd_headers(consumer: Any) -> None:
    """Let a consumer return such records, with OddHeaders."""
    fetcher = consumer._fetcher
    parse = fetcher.PartitionRecords

    def parse_all(offset: int, partition: Any, records: Any, **options: Any) -> Any:
        return parse(offset, partition, _Batches(records), **options)

    fetcher.PartitionRecords = parse_all


class _Batches:
    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if type(batch) is DefaultRecordBatch:
            batch.__class__ = _Batch
        return batch


class _Batch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()
    _buffer: Any
    _pos: Any

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()  # pyright: ignore[reportAttributeAccessIssue]
        except UnicodeDecodeError:
            return self._read_record()

    def _read_record(self) -> DefaultRecord:
        """Read the next record as `_read_msg` does, but for the names of the headers."""
        length = self._take()
        self._take()  # attributes, which nothing uses
        timestamp_delta, offset_delta = self._take(), self._take()
        key, value = self._take_bytes(), self._take_bytes()
        headers = OddHeaders()
        for _ in range(self._take()):
            name = self._take_bytes() or b""
            headers.append((name.decode(errors="backslashreplace"), self._take_bytes()))
        is_log_time = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if is_log_time else self.first_timestamp + timestamp_delta
        offset = self.base_offset + offset_delta
        return DefaultRecord(length, offset, timestamp, self.timestamp_type, key, value, headers)

    def _take(self) -> int:
        number, self._pos = decode_varint(self._buffer, self._pos)
        return int(number)

    def _take_bytes(self) -> bytes | None:
        length = self._take()
        if length < 0:
            return None
        start, self._pos = self._pos, self._pos + length
        return bytes(self._buffer[start : self._pos])
