"""Records of the event log: the SQL that appends and reads them.

Positions are drawn from a counter that the transaction locks, so they are dense and become visible in their
order: who has read up to a position has missed nothing before it.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from iacs.core import clock
from iacs.core._events.buffer import Fetched, Record, Unreadable
from iacs.core._events.encoding import decode
from iacs.core.counters import draw
from iacs.core.events import EVENT_ID_HEADER, Event, NewEvent, Place
from iacs.core.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

SHARDS = 8
"""Of each topic. It cannot change later: the order of a key rests on its shard."""

_INSERT = """
    INSERT INTO iacs_event_log (topic, shard, position, event_id, event_key, value, created_at)
    VALUES (:topic, :shard, :position, :event_id, :event_key, :value, :created_at)
"""
_READ = """
    SELECT topic, shard, position, event_id, event_key, value, headers FROM iacs_event_log
    WHERE topic = :topic AND shard = :shard AND position >= :start
    ORDER BY position LIMIT :limit
"""

Encoded = tuple[NewEvent, str]
"""An event and its value as JSON."""


def places_of(topics: Iterable[str]) -> list[Place]:
    """Return every shard of these topics."""
    return [(topic, shard) for topic in topics for shard in range(SHARDS)]


def append(tx: Transaction, events: Sequence[Encoded]) -> None:
    """Add events in their order."""
    by_place = defaultdict[Place, list[Encoded]](list)
    for event, value in events:
        by_place[event.topic, _shard(event)].append((event, value))
    now = clock.to_text(clock.now())
    for place in sorted(by_place):  # sorted, so that two transactions never wait for each other
        start = draw(tx, _counter(place), len(by_place[place]))
        tx.execute(_INSERT, [_row(place, start + n, e, now) for n, e in enumerate(by_place[place])])


def ends(tx: Transaction, places: Sequence[Place]) -> dict[Place, int]:
    """Return the position after the last record of each place that has any."""
    by_name = {_counter(place): place for place in places}
    names = {f"n{index}": name for index, name in enumerate(by_name)}
    if not names:
        return {}
    found = tx.rows(f"SELECT name, value FROM iacs_counters WHERE name IN (:{', :'.join(names)})", names)  # noqa: S608
    return {by_name[row["name"]]: int(row["value"]) for row in found}


def read(tx: Transaction, starts: Mapping[Place, int], limit: int) -> list[Fetched]:
    """Return up to `limit` records from each place, from its start on."""
    fetched = list[Fetched]()
    for place, end in ends(tx, list(starts)).items():
        if starts[place] < end:
            values = {"topic": place[0], "shard": place[1], "start": starts[place], "limit": limit}
            fetched.extend(_fetched(row) for row in tx.rows(_READ, values))
    return fetched


def _shard(event: NewEvent) -> int:
    return zlib.crc32((event.id if event.key is None else event.key).encode()) % SHARDS


def _counter(place: Place) -> str:
    return f"event_log/{place[0]}/{place[1]}"


def _row(place: Place, position: int, encoded: Encoded, now: str) -> dict[str, object]:
    event, value = encoded
    return {
        "topic": place[0],
        "shard": place[1],
        "position": position,
        "event_id": event.id,
        "event_key": event.key,
        "value": value,
        "created_at": now,
    }


def _fetched(row: "RowMapping") -> Fetched:
    size = len(row["value"]) + len(row["event_key"] or "")
    try:
        return _event(row), size
    except ValueError as error:
        return _unreadable(row, f"not JSON: {error}"), size


def _event(row: "RowMapping") -> Record:
    return Event(
        topic=row["topic"],
        value=decode(row["value"]),
        key=row["event_key"],
        id=row["event_id"],
        partition=row["shard"],
        offset=row["position"],
        headers=json.loads(row["headers"]),
    )


def _unreadable(row: "RowMapping", reason: str) -> Unreadable:
    key = row["event_key"]
    return Unreadable(
        topic=row["topic"],
        partition=row["shard"],
        offset=row["position"],
        key=key.encode() if key is not None else None,
        value=row["value"].encode(),
        headers={EVENT_ID_HEADER: row["event_id"]} if row["event_id"] else {},
        reason=reason,
    )
