"""The service that reads mail from Microsoft Graph and syncs it to the database.

Its parts are imported when a service is built, so that importing the class is fast.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError, DegradedError, EventError, IACSGraphError, MailQueryError
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger, log_context
from iacs.mail_query import folder_rows, mailbox_rows
from iacs.mail_query.collaborators import AccessTokens, Accounts, Outbox
from iacs.mail_query.graph_client import WHILE_WAITING, GraphClient
from iacs.mail_query.publishing import Publishing
from iacs.mail_query.retry_policy import RetryPolicy
from iacs.mail_query.schema import Coverage, MailFolder, Message, SyncProgress, SyncResult, UnreadableMessage
from iacs.mail_query.sync_options import Announce, SyncOptions

if TYPE_CHECKING:
    from iacs.mail_query.progress import Progress
    from iacs.mail_query.query import MailQuery


class MailQueryService:
    """The service that reads mailboxes as `schema`, stores messages, and publishes new ones on `topic`.

    `page_size` is the number of messages per page, from 1 to 1000; `concurrency` is the maximum number of
    concurrent requests per account, of which Graph allows four. A draft is announced when it is sent, and with
    `announce_drafts` also as a draft. `hidden_folders` are those that Outlook does not show.
    """

    def __init__(
        self,
        database: Database,
        http: HttpClient,
        tokens: AccessTokens,
        accounts: Accounts,
        outbox: Outbox,
        *,
        graph_url: str,
        topic: str,
        page_size: int = 1000,
        concurrency: int = 4,
        announce: Announce = "all",
        announce_drafts: bool = False,
        hidden_folders: bool = False,
        schema: type[Message] = Message,
        retry_policy: RetryPolicy | None = None,
        logger: Logger,
    ) -> None:
        from iacs.mail_query.coverage import MailCoverage
        from iacs.mail_query.folder_sync import FolderSync
        from iacs.mail_query.mail_reader import MailReader
        from iacs.mail_query.mailbox_sync import MailboxSync
        from iacs.mail_query.page_store import PageStore
        from iacs.mail_query.pauses import Pauses
        from iacs.mail_query.stored_mail import StoredMail

        self._accounts = accounts
        self._announce: Announce = announce
        self._database = database
        self._publishing = Publishing(outbox)
        self._logger = logger
        graph = GraphClient(
            http,
            tokens,
            graph_url=graph_url,
            concurrency=concurrency,
            retry_policy=retry_policy or RetryPolicy(),
            pauses=Pauses(database, logger=logger),
            logger=logger,
        )
        self._reader = MailReader(accounts, graph, page_size=page_size, schema=schema)
        self._stored = StoredMail(accounts, database, schema=schema)
        self._coverage = MailCoverage(database, graph)
        store = PageStore(outbox, topic=topic, announce_drafts=announce_drafts)
        folders = FolderSync(database, graph, store, page_size=page_size, logger=logger)
        self._sync = MailboxSync(
            database, graph, folders, concurrency=concurrency, hidden_folders=hidden_folders, logger=logger
        )

    def messages(
        self, email: str, query: "MailQuery | None" = None, *, concurrency: int = 1
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Yield the current messages in Graph, with one page of them in memory, and the bytes of the next one.

        Graph pages by position: mail that arrives meanwhile repeats messages, which are left out here; mail that is
        deleted or moved meanwhile may hide others.

        With a `concurrency` above 1 that many requests read different periods of `receivedDateTime` at a time, of which
        the service's `concurrency` are sent: the messages come newest first, those without a date last, and
        none is hidden unless a page of them was received in one second. Up to 32 MB of pages wait in memory. A
        query with `search` or another order is refused.

        A message that does not fit `Message` is yielded as UnreadableMessage. Raises MailQueryError
        immediately, and GraphError, APIConnectionError, AccountError or AuthenticationError while reading.
        """
        return self._reader.messages(email, query, concurrency=concurrency)

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder of the mailbox that is not hidden, parents before their children."""
        return await self._reader.folders(email)

    async def sync(
        self,
        email: str,
        *,
        folders: Sequence[str] = (),
        since: datetime | None = None,
        announce: Announce | None = None,
        on_progress: Callable[[SyncProgress], None] | None = None,
        while_waiting: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    ) -> SyncResult:
        """Store new and changed messages, and publish an event for each new one.

        `folders` are ids, names, or well-known names such as inbox, also of hidden folders; the others stay as they
        are. `since` has an effect on folders that were never synced: mail received before is left out, by Graph, or here
        if a folder has more messages than the 5,000 that Graph returns then. With `announce` "new" (default: the service's) mail received before the first sync of the
        mailbox has no event.

        May be cancelled at any point: the next sync resumes after the last stored page. A folder that fails
        does not stop the others: it is in the result's `failed`, and the next sync tries it again. If all folders
        fail, the first error is raised. `on_progress` is called with the counts so far, also before an error, and
        `while_waiting` is entered while the mailbox has to wait. Raises the errors of `messages`, DatabaseError,
        and EventError if the messages are stored but their events could not be published.
        """
        from iacs.mail_query.progress import Progress

        account = await self._accounts.get_enabled(email)
        if since is not None and since.tzinfo is None:
            raise MailQueryError(
                "since has no time zone", hint="add one, as in datetime(2026, 11, 23, tzinfo=UTC)"
            )
        options = SyncOptions(tuple(folders), since, announce or self._announce)
        progress = Progress(account.email, on_progress)
        with log_context(account=account.email), _turn_given_back(while_waiting):
            can_publish = await self._try_to_publish(progress)
            try:
                async with self._publishing_pages(progress) if can_publish else nullcontext():
                    await self._sync.run(account, progress, options)
                progress.add_published(await self._publishing.relay())
            except IACSGraphError as error:
                if not isinstance(error, EventError):
                    await self._try_to_publish(progress)
                progress.report()
                error.add_note(f"before that: {progress.summary()}")
                self._logger.warning("mail sync failed", **progress.counts(), reason=str(error))
                raise
            result = progress.result()
            self._logger.info("mail synced", **progress.counts(), failed=len(result.failed))
            return result

    async def coverage(self, email: str) -> Coverage:
        """Return what is stored of each folder beside what Graph has, also of folders that no sync reads."""
        return await self._coverage.of(await self._accounts.get_enabled(email))

    def stored(
        self, email: str, *, folder: str | None = None, removed: bool = False
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Yield the stored messages with all their fields, sorted by id; `folder` is the id of a folder.

        Messages that have left the mailbox are included only if `removed` is set.
        """
        return self._stored.messages(email, folder=folder, removed=removed)

    async def count(self, email: str, *, folder: str | None = None, removed: bool = False) -> int:
        """Return the number of messages that `stored` yields."""
        return await self._stored.count(email, folder=folder, removed=removed)

    async def probe(self) -> Mapping[str, object]:
        """Return what no sync covers, as it was last counted; Graph is not requested.

        Raises DegradedError if a folder could not be synced the last time.
        """
        failing = await self._database.read(folder_rows.failing_folders)
        if failing:
            names = ", ".join(row["name"] or "a folder without a name" for row in failing[:3])
            more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
            raise DegradedError(
                f"mail folders that could not be synced: {names}{more}; {failing[0]['problem']}",
                hint="the next sync tries them again; list them with: iacs mail coverage",
            )
        return await self._database.read(mailbox_rows.uncovered)

    @asynccontextmanager
    async def _publishing_pages(self, progress: "Progress") -> AsyncIterator[None]:
        """Publish the events of each page while the next ones are read."""
        publishing = asyncio.create_task(self._publish_pages(progress))
        try:
            yield
        except asyncio.CancelledError:
            publishing.cancel()
            raise
        finally:
            progress.end()
            await asyncio.wait([publishing])  # not cancelled: what it has published would be published again

    async def _publish_pages(self, progress: "Progress") -> None:
        """Publish events until publishing fails: what is left is published at the end."""
        try:
            while await progress.wait_for_new():
                progress.add_published(await self._publishing.relay())
        except (DatabaseError, EventError) as error:
            self._logger.warning("events still pending", reason=str(error))

    async def _try_to_publish(self, progress: "Progress") -> bool:
        """Publish pending events; if that fails, mail is stored anyway, and they are published later."""
        if self._publishing.is_under_way:
            return True
        try:
            published = await self._publishing.relay()
        except (DatabaseError, EventError) as error:
            self._logger.warning("events still pending", reason=str(error))
            return False
        progress.add_published(published)
        if published:
            progress.report()
        return True


@contextmanager
def _turn_given_back(while_waiting: Callable[[], AbstractAsyncContextManager[None]] | None) -> Iterator[None]:
    """Enter `while_waiting` whenever a request in the block has to wait."""
    token = WHILE_WAITING.set(while_waiting or nullcontext)
    try:
        yield
    finally:
        WHILE_WAITING.reset(token)
