"""Consumer groups of the event log: the SQL that serves many members at once, whatever their groups."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from iacs.core import clock
from iacs.core._events.log_records import PARTITIONS, end_offsets, partitions_of
from iacs.core.events import Partition, PartitionLag
from iacs.core.transaction import Transaction

_COMMIT = """
    UPDATE iacs_event_log_offsets SET next_offset = :next_offset
    WHERE group_name = :group AND topic = :topic AND partition = :partition AND owner = :member
    AND next_offset < :next_offset
"""
"""An offset only rises: two tasks commit for a member, and the one that began first may end last."""
_LIVING_MEMBERS = """
    SELECT group_name, topic, member FROM iacs_event_log_members WHERE expires_at > :now ORDER BY member
"""
_KEEP_ALIVE = """
    UPDATE iacs_event_log_members SET expires_at = :expires_at
    WHERE expires_at > :now AND member IN ({names}) RETURNING member
"""
_OFFSETS = "SELECT group_name, partition, next_offset FROM iacs_event_log_offsets WHERE topic = :topic"
_MEMBERS_OF_A_STATEMENT = 500

GroupAndMember = tuple[str, str]
Members = Mapping[tuple[str, str], Sequence[str]]
"""The members alive by group and topic, in the order of their names."""


def commit(tx: Transaction, finished: Mapping[GroupAndMember, Mapping[Partition, int]]) -> None:
    """Write the offsets that members have finished, in the partitions that they own."""
    rows = [
        {"group": group, "topic": topic, "partition": number, "member": member, "next_offset": offset}
        for (group, member), offsets in sorted(finished.items())
        for (topic, number), offset in sorted(offsets.items())
    ]
    tx.execute(_COMMIT, rows)


def lag(tx: Transaction, topics: Sequence[str], group: str | None) -> list[PartitionLag]:
    """Return how far `group` is behind in each partition that has records; without it, all that read the topic."""
    lags, ends = list[PartitionLag](), end_offsets(tx, partitions_of(topics))
    for topic in topics:
        rows = tx.rows(_OFFSETS, {"topic": topic})
        offsets = {(row["group_name"], row["partition"]): int(row["next_offset"]) for row in rows}
        for name in sorted({name for name, _ in offsets}) if group is None else [group]:
            for number in range(PARTITIONS):
                if end := ends.get((topic, number)):
                    start = offsets.get((name, number), 0)
                    lags.append(PartitionLag(name, topic, number, start, end, end - start))
    return lags


def living_members(tx: Transaction) -> Members:
    """Return the members alive of all groups."""
    members = defaultdict[tuple[str, str], list[str]](list)
    for row in tx.rows(_LIVING_MEMBERS, {"now": clock.to_text(clock.database_now(tx))}):
        members[row["group_name"], row["topic"]].append(row["member"])
    return members


def renew(tx: Transaction, members: Sequence[str], *, seconds: float) -> set[str]:
    """Keep members alive for some seconds; return those that still were."""
    now, alive = clock.database_now(tx), set[str]()
    values = {"now": clock.to_text(now), "expires_at": clock.to_text(now + timedelta(seconds=seconds))}
    for start in range(0, len(members), _MEMBERS_OF_A_STATEMENT):
        params = {f"n{n}": name for n, name in enumerate(members[start : start + _MEMBERS_OF_A_STATEMENT])}
        statement = _KEEP_ALIVE.format(names=f":{', :'.join(params)}")
        alive |= {row["member"] for row in tx.rows(statement, {**values, **params})}
    return alive
