"""The SQL of the outbox, as functions of an open transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iacs.core import clock
from iacs.core._outbox.positions import COUNTERS, consecutive
from iacs.core.transaction import Row, Transaction

LIST_PARKED = "list the parked events with: iacs outbox list"

_WAITING = """
    SELECT position, id, aggregatetype, aggregateid, payload, headers, attempts FROM iacs_outbox AS event
    WHERE published_at IS NULL AND parked_at IS NULL AND position > :after AND NOT EXISTS (
        SELECT 1 FROM iacs_outbox AS parked
        WHERE parked.parked_at IS NOT NULL AND parked.position < event.position
        AND parked.aggregatetype = event.aggregatetype AND parked.aggregateid = event.aggregateid
    ) ORDER BY position LIMIT :limit
"""
_RUN = """
    WHERE position BETWEEN :first AND :last AND position % :counters = :counter AND published_at IS NULL
"""
_MARK = f"UPDATE iacs_outbox SET published_at = :now {_RUN}"  # noqa: S608 - a constant
_DELETE = f"DELETE FROM iacs_outbox {_RUN}"  # noqa: S608 - a constant
_REJECT = """
    UPDATE iacs_outbox SET attempts = attempts + 1, problem = :problem,
    parked_at = CASE WHEN attempts + 1 >= :max_attempts THEN :now END
    WHERE position = :position AND published_at IS NULL
"""
_BACKLOG = """
    SELECT count(*) - count(parked_at) AS pending, count(parked_at) AS parked,
    min(CASE WHEN parked_at IS NULL THEN created_at END) AS oldest
    FROM iacs_outbox WHERE published_at IS NULL
"""
_PARKED = """
    SELECT id, aggregatetype, aggregateid, attempts, problem, created_at, parked_at FROM iacs_outbox
    WHERE parked_at IS NOT NULL ORDER BY created_at, position
"""
_RETRY = "UPDATE iacs_outbox SET attempts = 0, parked_at = NULL WHERE id = :id AND parked_at IS NOT NULL"
_OLD = "SELECT 1 FROM iacs_outbox WHERE published_at < :before LIMIT 1"
_PRUNE = """
    DELETE FROM iacs_outbox WHERE position IN
    (SELECT position FROM iacs_outbox WHERE published_at < :before ORDER BY published_at LIMIT :limit)
"""
_DROP = "DELETE FROM iacs_outbox WHERE id = :id AND parked_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of events that wait to be published, since when, and the number that are parked."""

    pending: int
    parked: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that is not sent again until `retry`; `problem` is why it was last rejected."""

    id: str
    topic: str
    key: str | None
    attempts: int
    problem: str
    created_at: datetime
    parked_at: datetime


def add(tx: Transaction, events: Sequence[Mapping[str, Any]]) -> None:
    """Write events, by the names of the columns."""
    tx.insert("iacs_outbox", events)


def waiting(tx: Transaction, *, after: int, limit: int) -> list[Row]:
    """Return the waiting events after the position `after`, in order, without those behind a parked event of their key."""
    return tx.rows(_WAITING, {"after": after, "limit": limit})


def finish(tx: Transaction, rows: Sequence[Row], *, keep: bool) -> None:
    """Delete published events, or keep them with the time."""
    shared = {"now": clock.to_text(clock.now()), "counters": COUNTERS}
    runs = consecutive([row["position"] for row in rows])
    tx.execute(
        _MARK if keep else _DELETE,
        [shared | {"first": a, "last": b, "counter": a % COUNTERS} for a, b in runs],
    )


def reject(tx: Transaction, problems: Mapping[int, str], *, max_attempts: int) -> None:
    """Count a rejection of the events at these positions, and park those that have reached the limit."""
    common = {"now": clock.to_text(clock.now()), "max_attempts": max_attempts}
    tx.execute(
        _REJECT,
        [common | {"position": position, "problem": problem} for position, problem in problems.items()],
    )


def backlog(tx: Transaction) -> Backlog:
    """Return the backlog."""
    [row] = tx.rows(_BACKLOG)
    return Backlog(row["pending"], row["parked"], clock.from_text(row["oldest"]) if row["oldest"] else None)


def parked(tx: Transaction) -> tuple[ParkedEvent, ...]:
    """Return the parked events, the oldest first."""
    return tuple(
        ParkedEvent(
            row["id"],
            row["aggregatetype"],
            row["aggregateid"],
            row["attempts"],
            row["problem"],
            clock.from_text(row["created_at"]),
            clock.from_text(row["parked_at"]),
        )
        for row in tx.rows(_PARKED)
    )


def retry(tx: Transaction, ids: Collection[str]) -> int:
    """Let parked events be sent again; return how many."""
    return sum(tx.execute(_RETRY, {"id": id_}) for id_ in ids)


def drop(tx: Transaction, ids: Collection[str]) -> int:
    """Delete parked events; return how many."""
    return sum(tx.execute(_DROP, {"id": id_}) for id_ in ids)


def has_old(tx: Transaction, before: datetime) -> bool:
    """Return whether there is an event that was published before an instant."""
    return tx.value(_OLD, {"before": clock.to_text(before)}) is not None


def prune(tx: Transaction, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` events that were published before an instant; return how many."""
    return tx.execute(_PRUNE, {"before": clock.to_text(before), "limit": limit})
