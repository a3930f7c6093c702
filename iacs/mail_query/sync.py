"""Bringing a mailbox into the database: each folder's delta, page by page, to be continued at any page."""

from collections.abc import Callable
from typing import Any

from iacs.core.clock import now, to_text
from iacs.core.database import Database
from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.core.logger import Logger
from iacs.mail_query import repository
from iacs.mail_query.answers import is_own
from iacs.mail_query.collaborators import Account
from iacs.mail_query.events import Place
from iacs.mail_query.folders import all_folders, folder_url
from iacs.mail_query.graph import GraphClient
from iacs.mail_query.pages import Page, read_documents
from iacs.mail_query.progress import Progress
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import SyncProgress
from iacs.mail_query.storing import PageStore

_FORGOTTEN = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_NEW_BEGINNINGS = 3


class MailboxSync:
    """Sync one mailbox after another; several processes may sync the same one."""

    def __init__(
        self, database: Database, graph: GraphClient, store: PageStore, *, page_size: int, logger: Logger
    ) -> None:
        self._database = database
        self._graph = graph
        self._store = store
        self._prefer = (f"odata.maxpagesize={page_size}",)
        self._logger = logger

    async def run(self, account: Account, report: Callable[[SyncProgress], None] | None) -> Progress:
        """Bring every folder up to date and return the count; folders that are gone are forgotten at the end."""
        progress = Progress(account.email, report)
        folders = await all_folders(self._graph, account.id)
        cursors = await self._database.run(repository.enter_folders, account.id, folders)
        progress.begin(folders, cursors)
        for folder in folders:
            at = cursors.pop(folder.id)
            progress.enter(folder, at)
            place = Place(account.email, account.id, folder.display_name or "", folder.id)
            await self._sync_folder(place, at, progress)
        for folder_id in cursors:
            progress.removed += await self._database.run(
                repository.leave_folder, account.id, folder_id, to_text(now())
            )
        return progress

    async def _sync_folder(self, place: Place, at: Cursor, progress: Progress) -> None:
        """Go on from the cursor, or from the start when Graph no longer knows it."""
        for beginning in range(_NEW_BEGINNINGS + 1):
            try:
                if at.link is None or is_own(at.link, self._graph.url):
                    return await self._walk(place, at, progress)
                self._logger.warning("mail folder begun again", folder=place.folder, reason="foreign link")
            except GraphError as error:
                if at.link is None and _is_missing(error):
                    self._logger.warning("mail folder gone", folder=place.folder)
                    return None
                if beginning == _NEW_BEGINNINGS or not _is_useless(error):
                    raise
                self._logger.warning("mail folder begun again", folder=place.folder, reason=error.graph_code)
            at = await self._database.run(repository.begin_again, place.account_id, place.folder_id)
        return None

    async def _walk(self, place: Place, at: Cursor, progress: Progress) -> None:
        first = f"{folder_url(self._graph, place.folder_id)}/messages/delta"
        while True:
            response = await self._graph.get(place.account_id, at.link or first, prefer=self._prefer)
            page = read_documents(response.body)
            link = self._link(page)
            stored = await self._database.run(self._store.store, place, at, page, link)
            if stored is None:
                at = await self._database.run(repository.cursor, place.account_id, place.folder_id)
                continue
            at = stored.cursor
            progress.add(stored)
            if page.next_link is None:
                return

    def _link(self, page: "Page[Any]") -> str:
        link = page.next_link or page.delta_link
        if link is None:
            raise MalformedResponseError("Microsoft Graph's page of changes does not say where to go on.")
        if not is_own(link, self._graph.url):
            raise MalformedResponseError("Microsoft Graph's page of changes goes on away from GRAPH_URL.")
        return link


def _is_useless(error: GraphError) -> bool:
    """Tell whether a link is of no more use; also when it is called bad or missing, since it was Graph's own.

    Source: Microsoft Graph, "Use delta query": 410 Gone, or 40x with syncStateNotFound. The Location that 410
    may have names the folder's first page, where the walk begins again anyway.
    """
    return error.status in (400, 404, 410) or error.graph_code.lower() in _FORGOTTEN


def _is_missing(error: GraphError) -> bool:
    """Tell whether the folder itself is missing: it went after the folders were listed."""
    return error.status == 404 and error.graph_code.lower() not in _FORGOTTEN
