"""The sync of one folder: its delta, page by page, which can resume at any page."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from iacs.core.database import Database
from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction
from iacs.mail_query import folder_rows, message_rows
from iacs.mail_query.answers import LINK_EXPIRED, is_own
from iacs.mail_query.document import Document
from iacs.mail_query.events import MailLocation
from iacs.mail_query.folder_rows import Advance, Cursor
from iacs.mail_query.folders import folder_url
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.link_trail import EndlessListError, LinkTrail
from iacs.mail_query.odata import encode
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.page_store import PageStore
from iacs.mail_query.pages import Page, read_changes
from iacs.mail_query.progress import Progress

_STATE_LOST = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_RESTARTS = 3
_COMPLETION_SECONDS = 2.0
MAX_FILTERED = 5000
"""The number of messages at which Graph ends a delta with a filter. Source: Microsoft Graph, "message: delta"."""


@dataclass(slots=True)
class _Reading:
    """One folder while it is read: its cursor, how often it was restarted, and the links since then.

    `expected` is the number of its messages, 0 if only changes are read.
    `is_overtaken` is whether another sync has advanced the cursor, so that the last page was not stored; `idle` is
    the advance after a last page without changes.
    """

    location: MailLocation
    cursor: Cursor
    pages: PageReader[Document]
    expected: int
    once: bool
    restarts: int = 0
    is_overtaken: bool = False
    idle: Advance | None = None
    trail: LinkTrail = field(init=False)

    def __post_init__(self) -> None:
        self.move(self.cursor)

    def move(self, cursor: Cursor) -> None:
        """Continue at a cursor that is not the page's own next link."""
        self.cursor, self.trail = cursor, LinkTrail(expected=self.expected)

    def may_restart(self, error: GraphError) -> bool:
        """Return whether reading the folder from its start may help, because only the link is lost.

        Source: Microsoft Graph, "Use delta query": 410 Gone, or 40x with syncStateNotFound. A Location header
        of a 410 names the first page of the folder, where a restart begins anyway.
        """
        is_link_lost = error.status in LINK_EXPIRED and self.cursor.link is not None
        is_restart_useful = is_link_lost or error.status == 404 or error.graph_code.lower() in _STATE_LOST
        return self.restarts < _RESTARTS and is_restart_useful


class FolderSync:
    """The sync of folders; several processes may sync the same one."""

    def __init__(
        self, database: Database, graph: GraphClient, store: PageStore, *, page_size: int, logger: Logger
    ) -> None:
        self._database = database
        self._graph = graph
        self._store = store
        self._page_size = page_size
        self._logger = logger

    async def run(
        self, location: MailLocation, cursor: Cursor, progress: Progress, *, once: bool = False
    ) -> Advance | None:
        """Read from the cursor to the end of the changes; start again if Graph rejects its own link.

        Returns the advance of a folder without changes, which the caller stores: many of them in one transaction.
        With `once` a request that fails is not repeated.
        A folder that Graph does not find by its id either counts as deleted, which is not an error. Raises
        GraphError and MalformedResponseError.
        """
        size = PageSize.of_delta(self._page_size)
        pages: PageReader[Document] = PageReader(self._graph, location.account_id, read_changes, size=size)
        reading = _Reading(location, cursor, pages, progress.total(location.folder_id) or 0, once)
        try:
            return await self._read(reading, progress)
        finally:
            await pages.aclose()

    async def _read(self, reading: _Reading, progress: Progress) -> Advance | None:
        location, cursor = reading.location, reading.cursor
        if cursor.link is not None and not is_own(cursor.link, self._graph.url):
            await self._restart(reading, "the link belongs to another cloud")
        elif cursor.link is not None and not self._opens(cursor.link, location):
            await self._restart(reading, "the link belongs to the sign-in of another person")
        while True:
            try:
                if await self._read_page(reading, progress):
                    progress.finish(location.folder_id, "synced")
                    return reading.idle
            except GraphError as error:
                if await self._is_gone(reading, error):
                    self._logger.warning("mail folder deleted", folder=location.folder)
                    progress.finish(location.folder_id, "deleted")
                    return None
                if not reading.may_restart(error):
                    raise
                await self._restart(reading, error.graph_code)

    async def _read_page(self, reading: _Reading, progress: Progress) -> bool:
        """Store the page at the cursor and advance the cursor; return whether it was the last page."""
        location, cursor = reading.location, reading.cursor
        url = cursor.link or self._first_page(location, cursor)
        page = await self._next_page(reading, url)
        link = self._link(page)
        if page.next_link is None and await self._is_cut_off(reading, page):
            self._logger.warning(
                "mail folder read in full: Graph's filter has a limit", folder=location.folder
            )
            reading.move(await self._at_folder(folder_rows.read_all, location))
            return False
        if cursor.complete and page.next_link is None and not page.items:
            reading.idle = Advance(cursor, link)
            return True
        await _completed(self._store_page(reading, page, link, progress))
        return page.next_link is None and not reading.is_overtaken

    def _first_page(self, location: MailLocation, cursor: Cursor) -> str:
        """Return the address of the folder's first page; the links that follow carry the filter."""
        url = f"{self._folder_url(location)}/messages/delta"
        if cursor.since is None or cursor.reads_all:
            return url
        return f"{url}?{encode({'$filter': f'receivedDateTime ge {cursor.since}'})}"

    async def _is_cut_off(self, reading: _Reading, last_page: Page[Document]) -> bool:
        """Return whether a first reading with a filter may lack messages, although Graph says that it is complete."""
        cursor = reading.cursor
        if cursor.since is None or cursor.reads_all or cursor.complete:
            return False
        stored = await self._database.read(
            message_rows.count, reading.location.account_id, folder_id=cursor.folder_id, removed=False
        )
        return stored + len(last_page.items) >= MAX_FILTERED

    async def _store_page(
        self, reading: _Reading, page: Page[Document], link: str, progress: Progress
    ) -> None:
        stored = await self._database.run(self._store.store, reading.location, reading.cursor, page, link)
        reading.is_overtaken = stored is None
        if stored is None:
            reading.move(await self._at_folder(folder_rows.read_cursor, reading.location))
        else:
            reading.cursor = stored.cursor
            progress.add_page(reading.location.folder_id, stored)

    async def _next_page(self, reading: _Reading, url: str) -> Page[Document]:
        try:
            reading.trail.add(url)
            page = await reading.pages.page(url, once=reading.once)
            if page.next_link is not None:
                reading.trail.record(page.items)
        except EndlessListError as error:
            await self._restart(reading, str(error))  # for the next sync
            raise
        return _without_older(page, reading.cursor.since) if reading.cursor.reads_all else page

    async def _is_gone(self, reading: _Reading, error: GraphError) -> bool:
        """Return whether the folder was deleted after the folders were listed.

        A 404 for a later page concerns only that page, and one for the first page may be wrong: the folder
        itself is requested to find out.
        """
        if reading.cursor.link is not None or not _is_unknown(error):
            return False
        location = reading.location
        try:
            await self._graph.get(location.account_id, self._folder_url(location), bytes)
        except GraphError as answer:
            return _is_unknown(answer)
        return False

    def _folder_url(self, location: MailLocation) -> str:
        return folder_url(self._graph, location.mailbox_path, location.folder_id)

    def _opens(self, link: str, location: MailLocation) -> bool:
        """Return whether a link leads to the mailbox: `me` is whoever the token belongs to, perhaps nobody."""
        return location.mailbox_path == "me" or not link.startswith(f"{self._graph.url}/me/")

    async def _restart(self, reading: _Reading, reason: str) -> None:
        self._logger.warning("mail folder restarted", folder=reading.location.folder, reason=reason)
        reading.restarts += 1
        reading.move(await self._at_folder(folder_rows.restart_folder, reading.location))

    async def _at_folder(
        self, work: Callable[[Transaction, str, str], Cursor], location: MailLocation
    ) -> Cursor:
        return await self._database.run(work, location.account_id, location.folder_id)

    def _link(self, page: Page[Document]) -> str:
        link = page.next_link or page.delta_link or ""
        if not is_own(link, self._graph.url):
            raise MalformedResponseError(
                "a page of changes from Microsoft Graph has a link that does not lead to GRAPH_URL"
            )
        return link


def _without_older(page: Page[Document], since: str | None) -> Page[Document]:
    """Return the page without mail received before `since`; what has no date may be an update, and is kept."""
    if since is None:
        return page
    instant = datetime.fromisoformat(since)
    return replace(page, items=tuple(item for item in page.items if not _is_older(item, instant)))


def _is_older(item: Document, instant: datetime) -> bool:
    summary = item.reading.summary
    if item.is_removal or summary is None or summary.received_at is None:
        return False
    return datetime.fromisoformat(summary.received_at) < instant


async def _completed(work: Coroutine[Any, Any, None]) -> None:
    """Run work that is completed even if it is cancelled, for at most `_COMPLETION_SECONDS`: what it stores is counted."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_COMPLETION_SECONDS)
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_COMPLETION_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()  # else asyncio would report that nobody looked at it


def _is_unknown(error: GraphError) -> bool:
    return error.status == 404 and error.graph_code.lower() not in _STATE_LOST
