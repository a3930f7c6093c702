"""A list read in windows of `receivedDateTime`, several at a time, and yielded newest first."""

import asyncio
from asyncio import Event, Task
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from iacs.core.exceptions import GraphError, MailQueryError
from iacs.mail_query import answers
from iacs.mail_query.fast_json import decode_received
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.odata import encode, graph_name, parameters
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import Page, read_items
from iacs.mail_query.query import MailQuery
from iacs.mail_query.side_by_side import side_by_side
from iacs.mail_query.windows import Window, Windows

_MAX_BYTES = 33_554_432
"""The size of the pages that wait to be yielded, above which only the window that is next is requested."""

_MAX_PAGES = 8
"""The number of pages per window: the last one is rarely full."""

_SAMPLE = 10
"""The number of dates of a page that are compared: a list that is not sorted must be followed by its links."""

_CLOSING_SECONDS = 2.0


def windowed(query: MailQuery) -> MailQuery:
    """Return the query as it is read in windows, newest first; raise MailQueryError if that is not possible."""
    if query.search is not None:
        raise MailQueryError(
            "a search cannot be read with concurrency: Graph rejects search together with conditions on dates",
            hint="leave out concurrency",
        )
    order = [text.split() for text in query.order_by]
    if order and [[graph_name(order[0][0]), *order[0][1:]], *order[1:]] != [["receivedDateTime", "desc"]]:
        raise MailQueryError(
            f"messages that are read with concurrency are sorted by received_at desc, not by {', '.join(query.order_by)}",
            hint="leave out order_by or concurrency",
        )
    select = (*query.select, "received_at") if query.select else ()
    return query.model_copy(update={"order_by": ("received_at desc",), "select": select})


class WindowReader:
    """A reader of one list with `workers` requests at a time; `query` is a windowed one.

    While `_MAX_BYTES` of pages wait to be yielded, only the window that is next is requested. Messages without a date
    come last.
    """

    def __init__(
        self, graph: GraphClient, account_id: str, url: str, query: MailQuery, *, size: PageSize, workers: int
    ) -> None:
        self._graph = graph
        self._account_id = account_id
        self._url = url
        self._query = query
        self._size = size
        self._largest = size.current
        self._workers = workers
        self._tasks: list[Task[None]] = []
        self._changed = Event()
        self._items = self._bytes = self._waiting_bytes = 0

    async def pages(self) -> AsyncGenerator[Page[bytes], None]:
        """Yield the pages of the list, newest first; raise as PageReader.pages does."""
        windows = await self._begin()
        try:
            for _ in range(self._workers):
                self._tasks.append(asyncio.create_task(self._work(windows)))
                self._tasks[-1].add_done_callback(self._notify)
            while (window := windows.newest()) is not None:
                if window.pages:
                    yield self._taken(window)
                    await asyncio.sleep(0)  # so that the next requests are sent before the next page is used
                else:
                    await self._changed.wait()
                for task in self._tasks:
                    if task.done():
                        task.result()
        finally:
            await self._stop()

    async def _begin(self) -> Windows:
        """Return the windows, the first of them with its first page; read by links alone what dates cannot divide."""
        first = Window(self._query.received_after, self._query.received_before)
        oldest, newest, _ = await side_by_side(
            [self._end("received_at"), self._end("received_at desc"), self._advance(first)]
        )
        windows = Windows(first, oldest=oldest[0] if oldest else None, workers=self._workers)
        windows.record(first, fewest=self._size.current, most=self._most())
        is_dated = self._query.received_after is not None or self._query.received_before is not None
        if is_dated or [None] not in (oldest, newest):
            return windows
        undated = Window(None, None, link=self._link(self._undated()), is_dated=False)
        try:
            await self._advance(undated)
        except GraphError as error:
            if error.status != 400:
                raise
            plain = self._query.model_copy(update={"order_by": ()})
            whole = Window(None, None, link=self._link(plain), is_dated=False)
            return Windows(whole, oldest=None, workers=self._workers)
        windows.append(undated)
        return windows

    async def _end(self, order: str) -> list[datetime | None]:
        """Return the date of the first message of the mailbox or folder in this order; nothing if it is empty.

        Without a condition, since Graph's conditions leave out messages without a date.
        """
        reader = PageReader(self._graph, self._account_id, read_items, size=PageSize(1))
        query = MailQuery(order_by=(order,), select=("received_at",), limit=1)
        async with aclosing(reader.pages(self._link(query), limit=1)) as pages:
            async for page in pages:
                if page.items:
                    return [decode_received(page.items[0])]
        return []

    async def _work(self, windows: Windows) -> None:
        """Read windows until cancelled."""
        while True:
            window = windows.take(fewest=self._size.current, most=self._most())
            while window is not None and not window.is_read:
                if windows.newest() is window or not self._is_far_ahead():
                    await self._advance_later(window)
                    windows.record(window, fewest=self._size.current, most=self._most())
                    self._notify()
                else:
                    await self._changed.wait()
            if window is None:
                await self._changed.wait()

    async def _advance_later(self, window: Window) -> None:
        try:
            await self._advance(window)
        except GraphError as error:
            if error.status not in answers.LINK_EXPIRED:
                raise
            raise answers.error_of_later_page(error) from error

    async def _advance(self, window: Window) -> list[datetime | None]:
        """Read the next page of a window; return some of its dates, the first and the last one among them."""
        between = {"received_after": window.after, "received_before": window.before}
        link = window.link or self._link(self._query.model_copy(update=between))
        page = await self._graph.page(self._account_id, link, read_items, size=self._size)
        step = max(1, len(page.items) // _SAMPLE)
        received = [decode_received(item) for item in (*page.items[:-1:step], *page.items[-1:])]
        window.advance(page, received)
        length = _length(page)
        self._items += len(page.items)
        self._bytes += length
        self._waiting_bytes += length
        return received

    def _taken(self, window: Window) -> Page[bytes]:
        page = window.pages.popleft()
        self._waiting_bytes -= _length(page)
        self._notify()
        return page

    def _is_far_ahead(self) -> bool:
        limit = self._query.limit
        return self._waiting_bytes >= _MAX_BYTES or (limit is not None and self._items >= limit)

    def _most(self) -> float:
        """Return the number of messages of a large window: those of several windows fit in memory."""
        fitting = _MAX_BYTES / self._workers * self._items / max(1, self._bytes)
        return max(self._size.current, min(_MAX_PAGES * self._size.current, fitting))

    def _link(self, query: MailQuery) -> str:
        return f"{self._url}?{encode(parameters(query, page_size=self._largest))}"

    def _undated(self) -> MailQuery:
        condition = "receivedDateTime eq null"
        if self._query.filter is not None and self._query.filter.strip():
            condition += f" and ({self._query.filter})"
        return self._query.model_copy(update={"filter": condition, "order_by": ()})

    def _notify(self, _: object = None) -> None:
        self._changed.set()
        self._changed = Event()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING_SECONDS)
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()  # else asyncio would report that nobody looked at it


def _length(page: Page[bytes]) -> int:
    return sum(map(len, page.items))
