"""The number of messages per page: what Graph can serve, and what fits in memory."""

import re

_TOP = re.compile(r"(?<=[?&])((?:\$|%24)top=)(\d+)")

_FIRST = 100
"""The size of the first page of a list of unknown messages: a mailbox may consist of large ones."""

_TARGET_BYTES = 8_388_608
"""The size of a page in bytes above which pages are made smaller."""

_MAX_BYTES = 16_777_216
"""The size of a page above which it is requested smaller instead of parsed, which takes five times its memory."""

_FACTOR = 4
_MAX_PATIENCE = 64


class PageSize:
    """The number of items per page of one list, at most `largest`; a delta has it as a preference.

    A page that Graph cannot serve is requested with a quarter of the items, down to one. Pages that are served
    in full let the size grow again; each failure doubles the number of pages before the next attempt to grow.
    """

    def __init__(self, largest: int, *, first: int | None = None, is_delta: bool = False) -> None:
        self._largest = largest
        self._is_delta = is_delta
        self._is_adapted = is_delta
        self._patience = 1
        self._served = 0
        self._was_full = True
        self.current = min(first or largest, largest)

    @classmethod
    def of_delta(cls, largest: int) -> "PageSize":
        """Begin small, since messages of unknown size come, and grow within a few pages."""
        return cls(largest, first=_FIRST, is_delta=True)

    @property
    def is_steady(self) -> bool:
        """Whether the next page will be requested with the same size, whatever the present one has."""
        return self.current >= self._largest or not self._was_full

    def shrink(self, failed: int) -> bool:
        """Request less than the size that failed; return False if that was one item already."""
        if failed <= 1:
            return False
        self._is_adapted = True
        if self.current >= failed:  # else a parallel request has reduced it by now
            self.current = max(1, failed // _FACTOR)
            self._patience = min(2 * self._patience, _MAX_PATIENCE)
            self._served = 0
        return True

    def record(self, *, items: int, body_bytes: int) -> None:
        """Adapt to a page that was served; one that is not full says nothing about larger ones."""
        self._was_full = items >= self.current
        fitting = max(1, _TARGET_BYTES * items // max(body_bytes, 1)) if items else self._largest
        if fitting < self.current:
            self._is_adapted = True
            self.current = fitting
        elif items >= self.current:
            self._served += 1
            if self._served >= self._patience:
                self._served = 0
                self.current = min(self.current * _FACTOR, fitting, self._largest)

    def is_too_large(self, body_bytes: int, link: str) -> bool:
        """Return whether to request the page with fewer items instead of parsing it."""
        can_shrink = self.current > 1 and (self._is_delta or _TOP.search(link) is not None)
        return can_shrink and body_bytes > _MAX_BYTES

    def preferences(self) -> tuple[str, ...]:
        """Return the preference of a delta."""
        return (f"odata.maxpagesize={self.current}",) if self._is_delta else ()

    def applied(self, link: str) -> str:
        """Return a link unchanged, or with another `$top` if it has one and a page had to be smaller."""
        if not self._is_adapted:
            return link
        return _TOP.sub(lambda match: f"{match[1]}{self.current}", link, count=1)
