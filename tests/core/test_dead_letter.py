from base64 import b64decode

import pytest

from iacs.core._events.dead_letter import dead_letter
from iacs.core._events.encoded_event import encode_events
from iacs.core._events.event_buffer import UnreadableRecord


def record(
    *, key: bytes = b"k", value: bytes = b"\xff", headers: dict[str, str] | None = None
) -> UnreadableRecord:
    return UnreadableRecord("topic", 1, 2, key, value, headers or {}, "not JSON")


def test_a_dead_letter_holds_the_whole_record() -> None:
    letter = dead_letter(record(headers={"trace": "x"}), "dead").value
    assert b64decode(letter["key_base64"]) == b"k"
    assert b64decode(letter["value_base64"]) == b"\xff"
    assert (letter["headers"], letter["is_truncated"]) == ({"trace": "x"}, False)


@pytest.mark.parametrize(
    "large",
    [
        record(value=b"\xff" * 900_000),
        record(key=b"k" * 900_000),
        record(headers={"h": "\U0001f600" * 200_000}),
        record(value=b"\xff" * 900_000, key=b"k" * 900_000, headers={"h": "\x01" * 100_000}),
    ],
)
def test_a_dead_letter_is_cut_to_what_kafka_takes_by_default(large: UnreadableRecord) -> None:
    letter = dead_letter(large, "dead")
    [encoded] = encode_events([letter], "urn:iacs")
    assert len(encoded.value.encode()) < 900_000
    assert letter.value["is_truncated"]
    assert (letter.value["topic"], letter.value["partition"], letter.value["offset"]) == ("topic", 1, 2)
