"""Mail in Microsoft Graph, read page by page."""

from collections.abc import AsyncGenerator
from functools import partial

from iacs.mail_query.collaborators import Accounts
from iacs.mail_query.folders import all_folders, folder_url, mailbox_url
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.odata import encode, parameters
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import read_messages
from iacs.mail_query.query import MailQuery
from iacs.mail_query.schema import MailFolder, Message, UnreadableMessage


class MailReader:
    """A reader of the messages of a mailbox, as `schema`, and of its folders."""

    def __init__(
        self, accounts: Accounts, graph: GraphClient, *, page_size: int, schema: type[Message]
    ) -> None:
        self._accounts = accounts
        self._graph = graph
        self._page_size = page_size
        self._schema = schema

    def messages(
        self, email: str, query: MailQuery | None
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Yield the messages that match a query; raise MailQueryError before the first request."""
        query = query or MailQuery()
        options = parameters(query, page_size=self._page_size)
        url = mailbox_url(self._graph) if query.folder is None else folder_url(self._graph, query.folder)
        size = PageSize(int(options["$top"]))
        return self._messages(email, f"{url}/messages?{encode(options)}", size, query.limit)

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder that is not hidden, parents before their children."""
        account = await self._accounts.get_enabled(email)
        return tuple(await all_folders(self._graph, account.id))

    async def _messages(
        self, email: str, url: str, size: PageSize, limit: int | None
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        account = await self._accounts.get_enabled(email)
        left = limit
        read = partial(read_messages, schema=self._schema)
        async for page in self._graph.pages(account.id, url, read, size=size):
            for message in page.items if left is None else page.items[:left]:
                yield message
            if left is not None:
                left -= len(page.items)
                if left <= 0:
                    return
