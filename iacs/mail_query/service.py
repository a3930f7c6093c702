"""Mail: read as it is at Microsoft, or brought into the database and announced.

The parts that do it are imported when a service is built, not by those who merely name it.
"""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from iacs.core.database import Database
from iacs.core.exceptions import EventError
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger, log_context
from iacs.mail_query.collaborators import AccessTokens, Accounts, Outbox, enabled_account
from iacs.mail_query.graph import GraphClient, Patience
from iacs.mail_query.schema import MailFolder, Message, SyncProgress, SyncResult, UnreadableMessage

if TYPE_CHECKING:
    from iacs.mail_query.query import MailQuery


class MailQueryService:
    """Read people's mail from Microsoft Graph as `schema`; keep it, and announce what is new on `topic`."""

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
        page_size: int = 100,
        concurrency: int = 4,
        schema: type[Message] = Message,
        patience: Patience | None = None,
        logger: Logger,
    ) -> None:
        from iacs.mail_query.reading import MailReader
        from iacs.mail_query.stored_mail import StoredMail
        from iacs.mail_query.storing import PageStore
        from iacs.mail_query.sync import MailboxSync

        self._accounts = accounts
        self._outbox = outbox
        self._logger = logger
        graph = GraphClient(
            http,
            tokens,
            graph_url=graph_url,
            concurrency=concurrency,
            patience=patience or Patience(),
            logger=logger,
        )
        self._reader = MailReader(accounts, graph, page_size=page_size, schema=schema)
        self._stored = StoredMail(accounts, database, schema=schema)
        self._sync = MailboxSync(
            database, graph, PageStore(outbox, topic=topic), page_size=page_size, logger=logger
        )

    def messages(
        self, email: str, query: "MailQuery | None" = None
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Read messages page by page, as Graph has them now; at most a page is held at a time.

        A message that does not fit `Message` comes as UnreadableMessage, in its place. Raises MailQueryError
        at once, and GraphError, APIConnectionError, AccountError or AuthenticationError while reading.
        """
        return self._reader.messages(email, query)

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder of the mailbox that is not hidden, parents before their children."""
        return await self._reader.folders(email)

    async def sync(
        self, email: str, *, on_progress: Callable[[SyncProgress], None] | None = None
    ) -> SyncResult:
        """Bring what is new or changed into the database and announce each new message once.

        May be broken off at any point: the next sync goes on from the last page that was stored. Raises what
        reading raises, DatabaseError, and EventError when the events are stored but could not be published.
        """
        account = await enabled_account(self._accounts, email)
        with log_context(account=account.email):
            published = await self._publish_leftovers()
            progress = await self._sync.run(account, on_progress)
            result = progress.result(published=published + await self._outbox.relay())
            self._logger.info("mail synced", **result.model_dump(exclude={"account"}))
            return result

    def stored(
        self, email: str, *, folder: str | None = None, removed: bool = False
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Read back what the database has, whole and in the order of the ids; `folder` is an id.

        Those that have left the mailbox are given only when `removed` is set.
        """
        return self._stored.messages(email, folder=folder, removed=removed)

    async def count(self, email: str, *, folder: str | None = None, removed: bool = False) -> int:
        """Return how many messages the database has, counted as `stored` gives them."""
        return await self._stored.count(email, folder=folder, removed=removed)

    async def _publish_leftovers(self) -> int:
        """Publish what an earlier sync stored; if that fails now, mail is still stored, and published later."""
        try:
            return await self._outbox.relay()
        except EventError as error:
            self._logger.warning("events still wait", reason=str(error))
            return 0
