"""Counters that a transaction locks, so that their numbers are dense and become visible in their order."""

from collections.abc import Sequence

from iacs.core.transaction import Transaction

_DRAW = """
    INSERT INTO iacs_counters (name, value) VALUES (:name, :count)
    ON CONFLICT (name) DO UPDATE SET value = iacs_counters.value + excluded.value
    RETURNING value
"""


def draw(tx: Transaction, name: str, count: int) -> int:
    """Take `count` numbers of a counter that starts at 0; return the first."""
    return int(tx.value(_DRAW, {"name": name, "count": count})) - count


def values(tx: Transaction, names: Sequence[str]) -> dict[str, int]:
    """Return the next number of each counter, without the counters that no number was taken from."""
    if not names:
        return {}
    params = {f"n{index}": name for index, name in enumerate(names)}
    rows = tx.rows(f"SELECT name, value FROM iacs_counters WHERE name IN (:{', :'.join(params)})", params)  # noqa: S608
    return {row["name"]: int(row["value"]) for row in rows}


def total(tx: Transaction, prefix: str) -> int:
    """Return the sum of the counters whose names begin with a prefix."""
    # Not LIKE: its case and its use of an index depend on the database.
    sql = "SELECT sum(value) FROM iacs_counters WHERE substr(name, 1, :length) = :prefix"
    return int(tx.value(sql, {"length": len(prefix), "prefix": prefix}) or 0)
