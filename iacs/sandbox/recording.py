"""What was asked of the cloud, kept for tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class RecordedRequest:
    """Hold one request; `at` is monotonic seconds, `status` 0 until answered (and if never)."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    at: float
    user: str | None = None
    """The mailbox's address, or the client id for an application's own token."""
    grant_type: str | None = None
    status: int = 0
