"""Instants: aware datetimes in UTC, and the fixed-width text that the database keeps of them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iacs.core.transaction import Transaction


def now() -> datetime:
    """Return this instant in UTC."""
    return datetime.now(UTC)


def iso(instant: datetime, *, timespec: str = "auto") -> str:
    """Write an instant in ISO 8601, UTC as Z; `timespec` is that of datetime.isoformat."""
    text = instant.isoformat(timespec=timespec)
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text


def to_text(instant: datetime) -> str:
    """Write an instant as 2026-11-23T08:15:30.000000Z: sorted as text, such texts are sorted in time.

    Raises ValueError for a datetime without an offset, which names no instant.
    """
    if instant.utcoffset() is None:
        raise ValueError("a datetime without an offset names no instant; give it one, such as datetime.UTC")
    return iso(instant.astimezone(UTC), timespec="microseconds")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote; any other offset is turned into UTC.

    Raises ValueError for a text that is no instant, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None:
        raise ValueError("an instant needs an offset, such as the Z at the end")
    return instant.astimezone(UTC)


def database_now(tx: "Transaction") -> datetime:
    """Return the instant by the clock that everyone on this database shares."""
    if tx.dialect != "postgresql":
        return now()  # SQLite's users share a machine
    instant: datetime = tx.value("SELECT clock_timestamp()")
    return instant
