"""Mail in Microsoft Graph, read page by page."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from iacs.mail_query.collaborators import Account, Accounts
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.folders import all_folders, folder_url, mailbox_url
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.items import read_item
from iacs.mail_query.link_trail import RecentIds
from iacs.mail_query.odata import encode, parameters
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import read_items
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
        size = PageSize(int(options["$top"]))
        return self._messages(email, query, f"messages?{encode(options)}", size)

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder that is not hidden, parents before their children."""
        account = await self._accounts.get_enabled(email)
        with naming_the_mailbox(account):
            tree = await all_folders(self._graph, account)
        for error in tree.errors.values():
            raise error
        return tuple(tree.folders.values())

    async def _messages(
        self, email: str, query: MailQuery, resource: str, size: PageSize
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        account = await self._accounts.get_enabled(email)
        url = f"{self._parent(account, query)}/{resource}"
        left, recent = query.limit, RecentIds()
        with naming_the_mailbox(account):
            reader = PageReader(self._graph, account.id, read_items, size=size)
            async with aclosing(reader.pages(url, limit=query.limit)) as pages:
                async for page in pages:
                    for (
                        item
                    ) in page.items:  # one by one: a thousand live models cost as much again to collect
                        message = read_item(item, self._schema)
                        if recent.add(message.id):
                            yield message
                            if left is not None:
                                left -= 1
                                if left == 0:
                                    return

    def _parent(self, account: Account, query: MailQuery) -> str:
        if query.folder is None:
            return mailbox_url(self._graph, account.mailbox_path)
        return folder_url(self._graph, account.mailbox_path, query.folder)
