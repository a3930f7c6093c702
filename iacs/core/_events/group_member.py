"""Consumer groups of the event log: the SQL by which members share the partitions of topics.

A partition has one owner at a time. Members renew their rows to stay in the group; the partitions of
a dead member pass to the others. Every change of a group is made under a lock on its counter, and offsets are
written by the owner alone, so that a member that was suspended for too long cannot undo what its successor did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from iacs.core import clock
from iacs.core._events.counters import draw
from iacs.core._events.groups import Members, commit
from iacs.core._events.log_records import end_offsets, partitions_of
from iacs.core.events import Partition
from iacs.core.transaction import Row, Transaction

_EXPIRE_MEMBERS = (
    "DELETE FROM iacs_event_log_members WHERE group_name = :group AND topic = :topic AND expires_at <= :now"
)
_RENEW = """
    INSERT INTO iacs_event_log_members (group_name, topic, member, expires_at)
    VALUES (:group, :topic, :member, :expires_at)
    ON CONFLICT (group_name, topic, member) DO UPDATE SET expires_at = excluded.expires_at
"""
_MEMBERS = """
    SELECT member, expires_at FROM iacs_event_log_members
    WHERE group_name = :group AND topic = :topic AND expires_at > :now ORDER BY member
"""
_CREATE_OFFSETS = """
    INSERT INTO iacs_event_log_offsets (group_name, topic, partition, next_offset)
    VALUES (:group, :topic, :partition, 0) ON CONFLICT (group_name, topic, partition) DO NOTHING
"""
_OFFSETS = """
    SELECT partition, next_offset, owner FROM iacs_event_log_offsets WHERE group_name = :group AND topic = :topic
"""
_SET_OWNER = """
    UPDATE iacs_event_log_offsets SET owner = :owner
    WHERE group_name = :group AND topic = :topic AND partition = :partition
"""
_RELEASE = "UPDATE iacs_event_log_offsets SET owner = NULL WHERE group_name = :group AND owner = :member"
_LEAVE = "DELETE FROM iacs_event_log_members WHERE group_name = :group AND member = :member"


@dataclass(frozen=True)
class Assignment:
    """The partitions that a member reads, with the offset to resume at.

    `is_final` is False while another member still holds some of its share; `members` are those alive, by topic.
    """

    partitions: Mapping[Partition, int]
    is_final: bool
    members: Sequence[tuple[str, str]]


class GroupMember:
    """A consumer in a group, which counts as dead `seconds` after its last heartbeat.

    Each method runs in a transaction of the caller.
    """

    def __init__(self, group: str, topics: Sequence[str], name: str, *, seconds: float) -> None:
        self._group = group
        self._topics = topics
        self._name = name
        self._seconds = seconds

    def heartbeat(
        self, tx: Transaction, finished: Mapping[Partition, int], in_flight: Partition | None
    ) -> Assignment:
        """Commit the `finished` offsets, renew the membership, and take a fair share of the partitions.

        A partition that another member should have is given up unless it is the one `in_flight`.
        """
        self._lock(tx)
        commit(tx, {(self._group, self._name): finished})
        now = clock.database_now(tx)
        expires_at = clock.to_text(now + timedelta(seconds=self._seconds))
        partitions, members, is_final = dict[Partition, int](), list[tuple[str, str]](), True
        for topic in self._topics:
            tx.execute(_EXPIRE_MEMBERS, self._values(topic, now=clock.to_text(now)))
            tx.execute(_RENEW, self._values(topic, expires_at=expires_at))
            names = self._alive(tx, topic, now)
            members += [(topic, name) for name in names]
            owned, is_complete = self._divide(tx, topic, names, in_flight)
            partitions |= owned
            is_final = is_final and is_complete
        return Assignment(partitions, is_final, members)

    def members_in(self, members: Members) -> list[tuple[str, str]]:
        """Return those of its own group, by topic."""
        return [(topic, name) for topic in self._topics for name in members.get((self._group, topic), ())]

    def members(self, tx: Transaction) -> list[tuple[str, str]]:
        """Return the members alive, by topic."""
        now = clock.database_now(tx)
        return [(topic, name) for topic in self._topics for name in self._alive(tx, topic, now)]

    def other_owners_behind(self, tx: Transaction) -> dict[str, str]:
        """Return the owners of partitions with events to read, each with the instant until which it is alive.

        A partition without an owner counts under the empty name.
        """
        ends = end_offsets(tx, partitions_of(self._topics))
        owners = dict[str, str]()
        for topic in self._topics:
            rows = tx.rows(_MEMBERS, self._values(topic, now=""))
            alive = {row["member"]: row["expires_at"] for row in rows}
            for row in tx.rows(_OFFSETS, self._values(topic)):
                is_behind = row["next_offset"] < ends.get((topic, row["partition"]), 0)
                if is_behind and row["owner"] != self._name:
                    owners[row["owner"] or ""] = alive.get(row["owner"], "")
        return owners

    def leave(self, tx: Transaction, finished: Mapping[Partition, int]) -> None:
        """Commit the `finished` offsets and give every partition up."""
        self._lock(tx)
        commit(tx, {(self._group, self._name): finished})
        tx.execute(_RELEASE, self._values())
        tx.execute(_LEAVE, self._values())

    def _values(self, topic: str = "", **more: object) -> dict[str, object]:
        return {"group": self._group, "topic": topic, "member": self._name, **more}

    def _lock(self, tx: Transaction) -> None:
        draw(tx, f"event_log_group/{self._group}", 1)

    def _alive(self, tx: Transaction, topic: str, now: datetime) -> list[str]:
        rows = tx.rows(_MEMBERS, self._values(topic, now=clock.to_text(now)))
        return [row["member"] for row in rows]

    def _divide(
        self, tx: Transaction, topic: str, names: list[str], in_flight: Partition | None
    ) -> tuple[dict[Partition, int], bool]:
        owned, is_complete = dict[Partition, int](), True
        for row in self._offsets(tx, topic):
            partition, owner = (topic, int(row["partition"])), row["owner"]
            is_mine = names[partition[1] % len(names)] == self._name
            new = self._next_owner(
                owner if owner in names else None, is_mine=is_mine, is_in_flight=partition == in_flight
            )
            if new != owner:
                tx.execute(_SET_OWNER, self._values(topic, partition=partition[1], owner=new))
            if new == self._name:
                owned[partition] = int(row["next_offset"])
            is_complete = is_complete and (new == self._name) == is_mine
        return owned, is_complete

    def _offsets(self, tx: Transaction, topic: str) -> list[Row]:
        rows = tx.rows(_OFFSETS, self._values(topic))
        if not rows:
            new = [self._values(topic, partition=number) for _, number in partitions_of([topic])]
            tx.execute(_CREATE_OFFSETS, new)
            rows = tx.rows(_OFFSETS, self._values(topic))
        return rows

    def _next_owner(self, owner: str | None, *, is_mine: bool, is_in_flight: bool) -> str | None:
        if owner is None and is_mine:
            return self._name
        if owner == self._name and not is_mine and not is_in_flight:
            return None
        return owner
