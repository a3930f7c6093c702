"""Counters that a transaction locks, so that their numbers are dense and become visible in their order."""

from iacs.core.transaction import Transaction

_DRAW = """
    INSERT INTO iacs_counters (name, value) VALUES (:name, :count)
    ON CONFLICT (name) DO UPDATE SET value = iacs_counters.value + excluded.value
    RETURNING value
"""


def draw(tx: Transaction, name: str, count: int) -> int:
    """Take `count` numbers of a counter that starts at 0; return the first."""
    return int(tx.value(_DRAW, {"name": name, "count": count})) - count
