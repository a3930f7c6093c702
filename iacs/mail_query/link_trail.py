"""The links of one list that were followed: Graph has returned pages in a cycle, and pages without end."""

from collections.abc import Hashable, Iterable
from typing import Any

from iacs.core.exceptions import MalformedResponseError

_REMEMBERED_IDS = 5000
"""The number of items before the current one with which it is compared, at least."""

MIN_PATIENCE = 1000
"""The number of consecutive pages without a new item that a list of any length may have."""


class EndlessListError(MalformedResponseError):
    """A list of Graph without an end."""


class RecentIds:
    """The ids of the latest items: mail that arrives while a list is read moves others to its next page."""

    def __init__(self) -> None:
        self._ids: set[Hashable] = set()
        self._older: set[Hashable] = set()

    def add(self, item_id: Hashable) -> bool:
        """Record an id; return False if the item came before."""
        if item_id is None:
            return True
        if item_id in self._ids:
            return False
        is_new = item_id not in self._older
        self._ids.add(item_id)
        if len(self._ids) >= _REMEMBERED_IDS:
            self._ids, self._older = set(), self._ids
        return is_new


class LinkTrail:
    """The hashes of the links of one list, and the progress that its pages make.

    Empty pages and repeated items are normal, and Graph has no page per item: `expected`, the number of items, is
    more than the pages without a new item that can follow one another.
    """

    def __init__(self, *, expected: int = 0) -> None:
        self._hashes: set[int] = set()
        self._recent = RecentIds()
        self._patience = max(MIN_PATIENCE, expected)
        self._without_progress = 0

    def add(self, link: str) -> None:
        """Record a link; raise EndlessListError if it was followed before."""
        if hash(link) in self._hashes:
            raise EndlessListError("Microsoft Graph's pages lead back to an earlier one")
        self._hashes.add(hash(link))

    def record(self, items: Iterable[Any]) -> None:
        """Record the items of a page with a next link; raise EndlessListError if no page has had a new one for too long."""
        has_new = any(self._recent.add(_id(item)) for item in items)  # stops at the first: one is enough
        self._without_progress = 0 if has_new else self._without_progress + 1
        if self._without_progress > self._patience:
            raise EndlessListError(
                f"the last {self._without_progress} pages of Microsoft Graph's list have no new item,"
                " and every one has a link to another page",
                hint="try again later; report it to Microsoft if it stays so",
            )


def _id(item: Any) -> Hashable:
    """Return the id of an item, or a hash of its JSON if it is not decoded yet."""
    if isinstance(item, bytes):
        return hash(item)
    value = item.get("id") if isinstance(item, dict) else getattr(item, "id", None)
    return value if isinstance(value, str) else None
