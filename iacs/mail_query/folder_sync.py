"""The sync of one folder: its delta, page by page, which can resume at any page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from iacs.core.database import Database
from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction
from iacs.mail_query import repository
from iacs.mail_query.answers import LINK_EXPIRED, is_own
from iacs.mail_query.events import MailLocation
from iacs.mail_query.folders import folder_url
from iacs.mail_query.graph_client import GraphClient, LinkTrail
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.page_store import PageStore
from iacs.mail_query.pages import Page, read_changes
from iacs.mail_query.progress import Progress
from iacs.mail_query.repository import Cursor

_STATE_LOST = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_RESTARTS = 3


@dataclass(slots=True)
class _Reading:
    """One folder while it is read: its cursor, how often it was restarted, and the links since then."""

    location: MailLocation
    cursor: Cursor
    size: PageSize
    restarts: int = 0
    trail: LinkTrail = field(default_factory=LinkTrail)

    def move(self, cursor: Cursor) -> None:
        """Continue at a cursor that is not the page's own next link."""
        self.cursor, self.trail = cursor, LinkTrail()

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

    async def run(self, location: MailLocation, cursor: Cursor, progress: Progress) -> None:
        """Read from the cursor to the end of the changes; start again if Graph rejects its own link.

        A folder that Graph does not find by its id either counts as deleted, which is not an error. Raises
        GraphError and MalformedResponseError.
        """
        reading = _Reading(location, cursor, PageSize.of_delta(self._page_size))
        if cursor.link is not None and not is_own(cursor.link, self._graph.url):
            await self._restart(reading, "the link belongs to another cloud")
        while True:
            try:
                if await self._read_page(reading, progress):
                    return
            except GraphError as error:
                if await self._is_gone(reading, error):
                    self._logger.warning("mail folder deleted", folder=location.folder)
                    return
                if not reading.may_restart(error):
                    raise
                await self._restart(reading, error.graph_code)

    async def _read_page(self, reading: _Reading, progress: Progress) -> bool:
        """Store the page at the cursor and advance the cursor; return whether it was the last page."""
        location, cursor = reading.location, reading.cursor
        url = cursor.link or f"{folder_url(self._graph, location.folder_id)}/messages/delta"
        await self._check_circle(reading, url)
        page = await self._graph.page(location.account_id, url, read_changes, size=reading.size)
        link = self._link(page)
        stored = await self._database.run(self._store.store, location, cursor, page, link)
        if stored is None:  # another sync has advanced the cursor
            reading.move(await self._at_folder(repository.read_cursor, location))
            return False
        reading.cursor = stored.cursor
        progress.add_page(stored)
        return page.next_link is None

    async def _check_circle(self, reading: _Reading, url: str) -> None:
        try:
            reading.trail.add(url)
        except MalformedResponseError:
            await self._restart(reading, "its pages form a cycle")  # for the next sync
            raise

    async def _is_gone(self, reading: _Reading, error: GraphError) -> bool:
        """Return whether the folder was deleted after the folders were listed.

        A 404 for a later page concerns only that page, and one for the first page may be wrong: the folder
        itself is requested to find out.
        """
        if reading.cursor.link is not None or not _is_unknown(error):
            return False
        location = reading.location
        try:
            await self._graph.get(location.account_id, folder_url(self._graph, location.folder_id), bytes)
        except GraphError as answer:
            return _is_unknown(answer)
        return False

    async def _restart(self, reading: _Reading, reason: str) -> None:
        self._logger.warning("mail folder restarted", folder=reading.location.folder, reason=reason)
        reading.restarts += 1
        reading.move(await self._at_folder(repository.restart_folder, reading.location))

    async def _at_folder(
        self, work: Callable[[Transaction, str, str], Cursor], location: MailLocation
    ) -> Cursor:
        return await self._database.run(work, location.account_id, location.folder_id)

    def _link(self, page: "Page[Any]") -> str:
        link = page.next_link or page.delta_link or ""
        if not is_own(link, self._graph.url):
            raise MalformedResponseError(
                "a page of changes from Microsoft Graph has a link that does not lead to GRAPH_URL"
            )
        return link


def _is_unknown(error: GraphError) -> bool:
    return error.status == 404 and error.graph_code.lower() not in _STATE_LOST
