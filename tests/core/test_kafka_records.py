"""Records of a fetched batch, read as kafka-python reads them, and where it gives up."""

import warnings
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.record.memory_records import (  # type: ignore[import-untyped]
        MemoryRecords,
        MemoryRecordsBuilder,
    )

from iacs.core._events.event_buffer import UnreadableRecord
from iacs.core._kafka.records import RawHeaders, _Batches, read_record
from iacs.core.events import Event

GZIP = 1


class Record:
    """A ConsumerRecord, as far as it is read."""

    def __init__(self, headers: object, key: bytes | None = b"k", value: bytes | None = b"1") -> None:
        self.topic, self.partition, self.offset = "orders", 1, 2
        self.key, self.value, self.headers = key, value, headers


def batch(*records: tuple[bytes | None, bytes | None, list[Any]], codec: int = 0) -> Any:
    builder = MemoryRecordsBuilder(2, codec, 2**20)
    for key, value, headers in records:
        builder.append(1, key, value, headers)
    builder.close()
    return _Batches(MemoryRecords(builder.buffer())).next_batch()


def headers_of(*headers: tuple[str, bytes | None]) -> RawHeaders:
    [record] = batch((b"k", b"1", list(headers)))
    assert isinstance(record.headers, RawHeaders)
    return record.headers


@pytest.mark.parametrize("codec", [0, GZIP])
def test_keys_values_offsets_and_headers_are_those_written(codec: int) -> None:
    long = b"x" * 100_000
    written = [(b"k", b"1", [("a", b"b")]), (None, long, []), (long, None, []), (b"", b"", [("", b"")])]
    records = list(batch(*written, codec=codec))
    assert [(record.key, record.value) for record in records] == [(key, value) for key, value, _ in written]
    assert [record.offset for record in records] == [0, 1, 2, 3]
    assert [record.headers.read() for record in records] == [{"a": "b"}, {}, {}, {"": ""}]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ([("a", b"1"), ("b", b""), ("c", None)], {"a": "1", "b": "", "c": ""}),
        ([("grün", "ü€😀".encode())], {"grün": "ü€😀"}),
        ([("a", b"\xff")], {"a": "\\xff"}),
        ([("n" * 63, b"v" * 63), ("n" * 64, b"v" * 64)], {"n" * 63: "v" * 63, "n" * 64: "v" * 64}),
        ([("a", b"v" * 70_000), ("b", b"2")], {"a": "v" * 70_000, "b": "2"}),
        ([(f"h{n}", b"%d" % n) for n in range(200)], {f"h{n}": str(n) for n in range(200)}),
        ([("a", b"1"), ("a", b"2")], {"a": "2"}),
    ],
)
def test_headers_are_text_by_name(written: list[tuple[str, bytes | None]], read: dict[str, str]) -> None:
    assert headers_of(*written).read() == read


def test_a_header_name_that_is_not_utf_8_makes_the_record_unreadable_with_the_name_escaped() -> None:
    odd = RawHeaders(b"\x02\x04a\xff\x02b")
    record, _ = read_record(Record(odd))
    assert isinstance(record, UnreadableRecord)
    assert record.reason == "the name of a header is not UTF-8"
    assert record.headers == {"a\\xff": "b"}


def test_a_key_that_is_not_utf_8_and_a_value_that_is_not_json_are_different_reasons() -> None:
    reasons = {
        (b"\xff", b"1"): "not JSON: the key is not UTF-8: ",
        (b"k", b"\xff"): "not JSON: 'utf-8' codec",
        (b"k", b"{"): "not JSON: Expecting",
    }
    for (key, value), reason in reasons.items():
        record, size = read_record(Record(headers_of(("ce_id", b"1")), key, value))
        assert isinstance(record, UnreadableRecord)
        assert record.reason.startswith(reason)
        assert record.headers == {"ce_id": "1"}
        assert size == 2


def test_a_record_of_an_old_format_has_no_headers() -> None:
    record, _ = read_record(Record([]))
    assert isinstance(record, Event)
    assert (record.headers, record.id, record.value) == ({}, None, 1)


def test_a_record_that_ends_elsewhere_than_its_size_says_is_corrupt() -> None:
    records = batch((b"k", b"1", []))
    records._buffer[records._pos] += 2
    with pytest.raises(Exception, match="elsewhere"):
        list(records)
