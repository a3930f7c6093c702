"""Instants: aware datetimes in UTC, and the text of fixed width in which the database stores them."""

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
    """Write an instant as 2026-11-23T08:15:30.000000Z: the order of such texts is the order in time.

    Raises ValueError for a datetime without an offset, which is not an instant.
    """
    if instant.utcoffset() is None:
        raise ValueError("a datetime without an offset is not an instant; give it one, such as datetime.UTC")
    return iso(instant.astimezone(UTC), timespec="microseconds")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote; any other offset is converted to UTC.

    Raises ValueError for a text that is not an instant, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is UTC:
        return instant
    if instant.utcoffset() is None:
        raise ValueError("an instant needs an offset, such as the Z at the end")
    return instant.astimezone(UTC)


def database_now(tx: "Transaction") -> datetime:
    """Return the current time by the clock that all users of this database share."""
    if tx.dialect != "postgresql":
        return now()  # SQLite's users share a machine
    instant: datetime = tx.value("SELECT clock_timestamp()")
    return instant
