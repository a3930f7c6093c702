"""Windows of `receivedDateTime`: how a list is divided, so that several requests read it at a time.

Graph shows instants in whole seconds, but may compare fractions. So a list is continued at the end of the last
second that a page shows, never at the instant itself.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from iacs.core.clock import now
from iacs.mail_query.link_trail import LinkTrail
from iacs.mail_query.pages import Page

_FIRST_MAIL = datetime(1990, 1, 1, tzinfo=UTC)
"""The date to plan with if the oldest message is unknown; messages before it are read all the same."""

_SLOWEST = 0.1
"""The factor by which one window lowers the expected density at most: an empty one may be a holiday."""

_MANY = 1.5
"""The number of shares from which a window is cut."""


@dataclass(slots=True, eq=False)
class Window:
    """The messages received from `after` on and before `before`, None being open; `before` becomes earlier with each page.

    `link` is that to the next page, where only a position can continue the list, as it can unless the list `is_dated`.
    `pages` wait to be yielded.
    """

    after: datetime | None
    before: datetime | None
    pages: deque[Page[bytes]] = field(default_factory=deque)
    link: str | None = None
    is_dated: bool = True
    is_taken: bool = False
    is_read: bool = False
    items: int = 0
    top: datetime | None = None
    trail: LinkTrail = field(default_factory=LinkTrail)

    def advance(self, page: Page[bytes], received: Sequence[datetime | None]) -> None:
        """Record a page and dates of its messages, the last one's at the end.

        The list is continued at a date, so that messages that are removed meanwhile do not hide others; by the
        page's link if it is not sorted, or all of it was received within one second.
        """
        self.pages.append(page)
        self.items += len(page.items)
        self.top = self.top or self.before or (received[0] if received else None)
        self.link, self.is_read = page.next_link, page.next_link is None
        if self.link is None:
            return
        bound = _end_of_last_second(received) if self.is_dated else None
        if bound is not None and (self.before is None or bound < self.before):
            self.before, self.link, self.trail = bound, None, LinkTrail()
        else:
            self.trail.add(self.link)
            self.trail.record(page.items)


class Windows:
    """The windows of one list, newest first, for `workers` readers; the older part of a large one is left to others."""

    def __init__(self, first: Window, *, oldest: datetime | None, workers: int) -> None:
        self._windows = deque([first])
        is_older = oldest is not None and (first.before is None or oldest < first.before)
        self._oldest = oldest if oldest is not None and is_older else _FIRST_MAIL
        self._workers = workers
        self._per_second: float | None = None

    def append(self, window: Window) -> None:
        """Add a window after all others."""
        self._windows.append(window)

    def newest(self) -> Window | None:
        """Return the window whose pages are yielded next, None at the end of the list."""
        while self._windows and self._windows[0].is_read and not self._windows[0].pages:
            self._windows.popleft()
        return self._windows[0] if self._windows else None

    def take(self, *, fewest: int, most: float) -> Window | None:
        """Return the newest window that nobody reads, with `fewest` to `most` messages as far as that can be known."""
        free = [window for window in self._windows if not (window.is_taken or window.is_read)]
        if not free:
            return None
        free[0].is_taken = True
        share = sum(map(self._expected, free)) / self._workers
        self._cut(free[0], min(most, max(fewest, share)))
        return free[0]

    def record(self, window: Window, *, fewest: int, most: float) -> None:
        """Learn from a window that has advanced; leave a part to others if it is large, or if they have nothing to do."""
        if window.link is not None or window.top is None:
            return
        self._learn(window)
        if window.is_taken and not window.is_read:
            has_free = any(not (other.is_taken or other.is_read) for other in self._windows)
            self._cut(window, most if has_free else max(fewest, self._expected(window) / 2))

    def _learn(self, window: Window) -> None:
        """Adapt the expected number of messages per second to those of the window so far."""
        top = window.top or now()
        seconds = max(
            1.0, (top - (self._bottom(window) if window.is_read else window.before or top)).total_seconds()
        )
        density = window.items / seconds
        self._per_second = max(density, (self._per_second or density) * _SLOWEST)

    def _expected(self, window: Window) -> float:
        """Return the number of messages that the window seems to have left."""
        if self._per_second is None or window.before is None:
            return 0.0
        return self._per_second * max(0.0, (window.before - self._bottom(window)).total_seconds())

    def _bottom(self, window: Window) -> datetime:
        return max(window.after or self._oldest, self._oldest)

    def _cut(self, window: Window, share: float) -> None:
        """Keep the newest `share` of messages in a window, and leave the older ones to others."""
        if self._per_second is None or window.before is None or self._expected(window) < _MANY * share:
            return
        seconds = timedelta(seconds=max(1, int(share / self._per_second)))
        bound = (window.before - seconds).replace(microsecond=0)
        if bound > self._bottom(window):
            self._windows.insert(self._windows.index(window) + 1, Window(window.after, bound))
            window.after = bound


def _end_of_last_second(received: Sequence[datetime | None]) -> datetime | None:
    """Return the end of the second of the last date; None unless all are dates, newest first."""
    dates = [date for date in received if date is not None]
    if not dates or len(dates) < len(received) or dates != sorted(dates, reverse=True):
        return None
    return dates[-1].replace(microsecond=0) + timedelta(seconds=1)
