"""Mail: read as it is at Microsoft, or brought into the database and announced.

What only a sync needs is imported when a service is built, not by those who merely name it.
"""

from collections.abc import AsyncGenerator, Callable
from functools import partial

from iacs.core.database import Database
from iacs.core.exceptions import AccountError, KafkaError
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger, log_context
from iacs.mail_query import repository
from iacs.mail_query.collaborators import Account, Accounts, Outbox
from iacs.mail_query.folders import all_folders, folder_url
from iacs.mail_query.graph import AccessTokens, GraphClient, Patience
from iacs.mail_query.odata import encode, parameters
from iacs.mail_query.pages import read_message, read_messages
from iacs.mail_query.query import MailQuery
from iacs.mail_query.schema import MailFolder, Message, SyncProgress, SyncResult, UnreadableMessage

_STORED_AT_A_TIME = 200


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
        from iacs.mail_query.storing import PageStore
        from iacs.mail_query.sync import MailboxSync

        self._database = database
        self._accounts = accounts
        self._outbox = outbox
        self._page_size = page_size
        self._schema = schema
        self._logger = logger
        self._graph = GraphClient(
            http,
            tokens,
            graph_url=graph_url,
            concurrency=concurrency,
            patience=patience or Patience(),
            logger=logger,
        )
        self._sync = MailboxSync(
            database, self._graph, PageStore(outbox, topic=topic), page_size=page_size, logger=logger
        )

    def messages(
        self, email: str, query: MailQuery | None = None
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Read messages page by page, as Graph has them now; at most a page is held at a time.

        A message that does not fit `Message` comes as UnreadableMessage, in its place. Raises MailQueryError
        at once, and GraphError, APIConnectionError, AccountError or AuthenticationError while reading.
        """
        query = query or MailQuery()
        options = encode(parameters(query, page_size=self._page_size))
        place = f"{self._graph.url}/me" if query.folder is None else folder_url(self._graph, query.folder)
        return self._messages(email, f"{place}/messages?{options}", query.limit)

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder of the mailbox that is not hidden, parents before their children."""
        account = await self._account(email)
        return tuple(await all_folders(self._graph, account.id))

    async def sync(
        self, email: str, *, on_progress: Callable[[SyncProgress], None] | None = None
    ) -> SyncResult:
        """Bring what is new or changed into the database and announce each new message once.

        May be broken off at any point: the next sync goes on from the last page that was stored. Raises what
        reading raises, DatabaseError, and KafkaError when the events are stored but could not be published.
        """
        from iacs.mail_query.progress import Progress

        account = await self._account(email)
        with log_context(account=account.email):
            published = await self._publish_leftovers()
            progress = Progress(account.email, on_progress)
            await self._sync.run(account.id, progress)
            result = progress.result(published=published + await self._outbox.relay())
            self._logger.info("mail synced", **result.model_dump(exclude={"account"}))
            return result

    async def stored(
        self, email: str, *, folder: str | None = None, removed: bool = False
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Read back what the database has, whole and in the order of the ids; `folder` is an id.

        Those that have left the mailbox are given only when `removed` is set.
        """
        account = await self._accounts.get(email)
        after = ""
        while True:
            rows = await self._database.run(
                repository.documents,
                account.id,
                folder_id=folder,
                removed=removed,
                after=after,
                limit=_STORED_AT_A_TIME,
            )
            for _, document in rows:
                yield read_message(document, self._schema)
            if len(rows) < _STORED_AT_A_TIME:
                return
            after = rows[-1][0]

    async def count(self, email: str, *, folder: str | None = None, removed: bool = False) -> int:
        """Return how many messages the database has, counted as `stored` gives them."""
        account = await self._accounts.get(email)
        return await self._database.run(repository.count, account.id, folder_id=folder, removed=removed)

    async def _messages(
        self, email: str, url: str, limit: int | None
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        account = await self._account(email)
        left = limit
        async for page in self._graph.pages(account.id, url, partial(read_messages, schema=self._schema)):
            for message in page.items if left is None else page.items[:left]:
                yield message
            if left is not None:
                left -= len(page.items)
                if left <= 0:
                    return

    async def _account(self, email: str) -> Account:
        account = await self._accounts.get(email)
        if account.status == "disabled":
            raise AccountError(
                f"{email} is disabled, since its enrolment is gone: enrol it again to read mail"
            )
        return account

    async def _publish_leftovers(self) -> int:
        """Publish what an earlier sync stored; if that fails now, mail is still stored, and published later."""
        try:
            return await self._outbox.relay()
        except KafkaError as error:
            self._logger.warning("events still wait", reason=str(error))
            return 0
