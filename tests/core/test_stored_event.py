"""Events of the outbox on their way to the stream: their texts stay as they are."""

import json
from dataclasses import replace
from enum import StrEnum

import pytest

from iacs.core._events.encoded_event import encode_events
from iacs.core._events.stored_event import StoredEvent
from iacs.core._outbox.positions import COUNTERS, consecutive
from iacs.core.events import NewEvent

SOURCE = "urn:example"


def stored(event: NewEvent) -> StoredEvent:
    [encoded] = encode_events([event], SOURCE)
    return StoredEvent.of(
        event.topic, key=event.key, id_=event.id, value_text=encoded.value, headers_text=encoded.headers_text
    )


def test_its_texts_are_written_as_they_are() -> None:
    event = stored(
        NewEvent("topic", {"a": [1, "é"]}, key="k", id="1", headers={"ce_subject": "s", "own": "h"})
    )
    [encoded] = encode_events([event], "urn:another")
    assert (encoded.value, encoded.headers_text) == (event.value_text, event.headers_text)
    assert encoded.headers["ce_source"] == SOURCE
    assert encoded.headers["ce_id"] == "1"


@pytest.mark.parametrize("text", ['{"a": "\\ud83d", "ce_id":"1"}', '{"ce_id":"1", "n": 7}'])
def test_the_headers_of_a_row_of_another_program_are_read_as_they_are(text: str) -> None:
    event = StoredEvent.of("topic", key=None, id_="1", value_text="1", headers_text=text)
    [encoded] = encode_events([event], SOURCE)
    assert encoded.headers == json.loads(text)


class Name(StrEnum):
    """Texts of a class of its own."""

    SHOP = "shop"


def test_texts_of_another_class_are_written_as_texts() -> None:
    event = NewEvent("topic", 1, key=Name.SHOP, id=Name.SHOP, headers={Name.SHOP: Name.SHOP})
    [encoded] = encode_events([event], SOURCE)
    headers = json.loads(encoded.headers_text)
    assert (headers["shop"], headers["ce_id"], headers["ce_partitionkey"]) == ("shop", "shop", "shop")


def test_a_stream_that_looks_at_it_sees_the_event_that_was_added() -> None:
    event = stored(NewEvent("topic", {"a": [1, "é"]}, key="k", id="1", headers={"own": "h"}))
    assert (event.topic, event.value, event.key, event.id) == ("topic", {"a": [1, "é"]}, "k", "1")
    assert event.headers["own"] == "h"
    assert "ce_id" not in event.headers
    [again] = encode_events([replace(event, value={"b": 2})], SOURCE)
    assert again.value == '{"b":2}'
    with pytest.raises(AttributeError):
        _ = event.colour


def test_a_row_of_another_program_gets_the_headers_that_it_lacks() -> None:
    event = StoredEvent.of("topic", key=None, id_="1", value_text='{ "a": 1 }', headers_text="{}")
    [encoded] = encode_events([event], SOURCE)
    assert (encoded.value, encoded.headers["ce_id"]) == ('{"a":1}', "1")


@pytest.mark.parametrize(
    ("positions", "runs"),
    [
        ([], []),
        ([7], [(7, 7)]),
        ([7, 7 + COUNTERS, 7 + 2 * COUNTERS], [(7, 7 + 2 * COUNTERS)]),
        ([7, 7 + 2 * COUNTERS], [(7, 7), (7 + 2 * COUNTERS, 7 + 2 * COUNTERS)]),
        ([8 + COUNTERS, 7, 8], [(7, 7), (8, 8 + COUNTERS)]),
    ],
)
def test_positions_are_marked_in_runs_of_one_counter(
    positions: list[int], runs: list[tuple[int, int]]
) -> None:
    assert sorted(consecutive(positions)) == runs
