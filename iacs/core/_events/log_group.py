"""Consumer groups of the event log: the SQL by which members share the shards of topics.

A shard has one owner at a time. Members say that they are alive by renewing their rows; what a dead one owned
passes on. Every change of a group is made under a lock on its counter, and offsets are written by the owner
alone, so that a member which slept through its own death cannot undo what its successor did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from iacs.core import clock
from iacs.core._events.log_records import ends, places_of
from iacs.core.counters import draw
from iacs.core.events import Place
from iacs.core.transaction import Transaction

_COMMIT = """
    UPDATE iacs_event_log_offsets SET next_position = :next_position
    WHERE group_name = :group AND topic = :topic AND shard = :shard AND owner = :member
"""
_BURY = (
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
_OPEN = """
    INSERT INTO iacs_event_log_offsets (group_name, topic, shard, next_position)
    VALUES (:group, :topic, :shard, 0) ON CONFLICT (group_name, topic, shard) DO NOTHING
"""
_OFFSETS = """
    SELECT shard, next_position, owner FROM iacs_event_log_offsets WHERE group_name = :group AND topic = :topic
"""
_OWN = """
    UPDATE iacs_event_log_offsets SET owner = :owner
    WHERE group_name = :group AND topic = :topic AND shard = :shard
"""
_RELEASE = "UPDATE iacs_event_log_offsets SET owner = NULL WHERE group_name = :group AND owner = :member"
_LEAVE = "DELETE FROM iacs_event_log_members WHERE group_name = :group AND member = :member"


@dataclass(frozen=True)
class Share:
    """What a member reads: its places with the position where each goes on.

    `is_settled` is False while some of it is still another's; `members` are those alive, topic by topic.
    """

    places: Mapping[Place, int]
    is_settled: bool
    members: Sequence[tuple[str, str]]


class Member:
    """One consumer in a group; each method runs in a transaction of the caller."""

    def __init__(self, group: str, topics: Sequence[str], name: str, *, seconds: float) -> None:
        self._group = group
        self._topics = topics
        self._name = name
        self._seconds = seconds

    def beat(self, tx: Transaction, finished: Mapping[Place, int], in_hand: Place | None) -> Share:
        """Commit what is finished, stay alive for `seconds`, and take the fair share.

        A place that another should have is given up when nothing of it is in hand.
        """
        self._lock(tx)
        self._commit(tx, finished)
        now = clock.database_now(tx)
        places, members, is_settled = dict[Place, int](), list[tuple[str, str]](), True
        for topic in self._topics:
            names = self._renew(
                tx, topic, clock.to_text(now), clock.to_text(now + timedelta(seconds=self._seconds))
            )
            members += [(topic, name) for name in names]
            owned, is_complete = self._divide(tx, topic, names, in_hand)
            places |= owned
            is_settled = is_settled and is_complete
        return Share(places, is_settled, members)

    def members(self, tx: Transaction) -> list[tuple[str, str]]:
        """Return who is alive, topic by topic."""
        now = clock.to_text(clock.database_now(tx))
        return [
            (t, row["member"]) for t in self._topics for row in tx.rows(_MEMBERS, self._values(t, now=now))
        ]

    def others_at_work(self, tx: Transaction) -> dict[str, str]:
        """Return the owners of places where events wait, each with the instant until which it is alive.

        A place without an owner counts under the empty name.
        """
        every = ends(tx, places_of(self._topics))
        found = dict[str, str]()
        for topic in self._topics:
            alive = {
                row["member"]: row["expires_at"] for row in tx.rows(_MEMBERS, self._values(topic, now=""))
            }
            for row in tx.rows(_OFFSETS, self._values(topic)):
                if row["next_position"] < every.get((topic, row["shard"]), 0) and row["owner"] != self._name:
                    found[row["owner"] or ""] = alive.get(row["owner"], "")
        return found

    def leave(self, tx: Transaction, finished: Mapping[Place, int]) -> None:
        """Commit what is finished and let the others have the rest."""
        self._lock(tx)
        self._commit(tx, finished)
        tx.execute(_RELEASE, self._values())
        tx.execute(_LEAVE, self._values())

    def _values(self, topic: str = "", **more: object) -> dict[str, object]:
        return {"group": self._group, "topic": topic, "member": self._name, **more}

    def _lock(self, tx: Transaction) -> None:
        draw(tx, f"event_log_group/{self._group}", 1)

    def _commit(self, tx: Transaction, finished: Mapping[Place, int]) -> None:
        rows = [self._values(t, shard=s, next_position=n) for (t, s), n in sorted(finished.items())]
        tx.execute(_COMMIT, rows)

    def _renew(self, tx: Transaction, topic: str, now: str, expires_at: str) -> list[str]:
        tx.execute(_BURY, self._values(topic, now=now))
        tx.execute(_RENEW, self._values(topic, expires_at=expires_at))
        return [str(row["member"]) for row in tx.rows(_MEMBERS, self._values(topic, now=now))]

    def _divide(
        self, tx: Transaction, topic: str, names: list[str], in_hand: Place | None
    ) -> tuple[dict[Place, int], bool]:
        rows = tx.rows(_OFFSETS, self._values(topic))
        if not rows:
            tx.execute(_OPEN, [self._values(topic, shard=shard) for _, shard in places_of([topic])])
            rows = tx.rows(_OFFSETS, self._values(topic))
        owned, is_complete = dict[Place, int](), True
        for row in rows:
            place, owner = (topic, int(row["shard"])), row["owner"]
            is_mine = names[place[1] % len(names)] == self._name
            new = self._next_owner(
                owner if owner in names else None, is_mine=is_mine, is_in_hand=place == in_hand
            )
            if new != owner:
                tx.execute(_OWN, self._values(topic, shard=place[1], owner=new))
            if new == self._name:
                owned[place] = int(row["next_position"])
            is_complete = is_complete and (new == self._name) == is_mine
        return owned, is_complete

    def _next_owner(self, owner: str | None, *, is_mine: bool, is_in_hand: bool) -> str | None:
        if owner is None and is_mine:
            return self._name
        if owner == self._name and not is_mine and not is_in_hand:
            return None
        return owner
