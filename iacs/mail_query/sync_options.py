"""What a sync reads and announces."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Announce = Literal["all", "new"]
"""Which messages have an event: all that are stored, or those received after the first sync of their mailbox began."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The folders to read, by id, name or well-known name (none: all); `since` applies to their first sync."""

    folders: tuple[str, ...] = ()
    since: datetime | None = None
    announce: Announce = "all"
