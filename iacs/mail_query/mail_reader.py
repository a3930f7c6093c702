"""Mail in Microsoft Graph, read page by page."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TypeAlias

from iacs.core.exceptions import MailQueryError
from iacs.mail_query.collaborators import Account, Accounts
from iacs.mail_query.denied import naming_the_mailbox
from iacs.mail_query.folders import all_folders, folder_url, mailbox_url
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.items import read_item
from iacs.mail_query.link_trail import RecentIds
from iacs.mail_query.odata import encode, parameters
from iacs.mail_query.page_reader import PageReader
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import Page, read_items
from iacs.mail_query.query import MailQuery
from iacs.mail_query.schema import MailFolder, Message, UnreadableMessage

_Pages: TypeAlias = Callable[[str, str], AsyncGenerator[Page[bytes], None]]
"""The pages of a list, given the id of the account and the address of its messages."""


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
        self, email: str, query: MailQuery | None, *, concurrency: int = 1
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Yield the messages that match a query; raise MailQueryError before the first request."""
        if concurrency < 1:
            raise MailQueryError(f"concurrency is {concurrency}: it must be at least 1")
        query = query or MailQuery()
        options = parameters(query, page_size=self._page_size)
        size = PageSize(int(options["$top"]))
        if concurrency > 1:
            pages = self._windows(query, size, concurrency)
            if query.limit is None or query.limit > size.current:
                return self._messages(email, query, pages)
        return self._messages(email, query, self._list(query, options, size))

    def _list(self, query: MailQuery, options: Mapping[str, str], size: PageSize) -> _Pages:
        def pages(account_id: str, url: str) -> AsyncGenerator[Page[bytes], None]:
            reader = PageReader(self._graph, account_id, read_items, size=size)
            return reader.pages(f"{url}?{encode(options)}", limit=query.limit)

        return pages

    def _windows(self, query: MailQuery, size: PageSize, workers: int) -> _Pages:
        from iacs.mail_query.window_reader import WindowReader, windowed

        windows = windowed(query)

        def pages(account_id: str, url: str) -> AsyncGenerator[Page[bytes], None]:
            return WindowReader(self._graph, account_id, url, windows, size=size, workers=workers).pages()

        return pages

    async def folders(self, email: str) -> tuple[MailFolder, ...]:
        """Return every folder that is not hidden, parents before their children."""
        account = await self._accounts.get_enabled(email)
        with naming_the_mailbox(account):
            tree = await all_folders(self._graph, account)
        for error in tree.errors.values():
            raise error
        return tuple(tree.folders.values())

    async def _messages(
        self, email: str, query: MailQuery, pages_of: _Pages
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        account = await self._accounts.get_enabled(email)
        url = f"{self._parent(account, query)}/messages"
        left, recent = query.limit, RecentIds()
        with naming_the_mailbox(account):
            async with aclosing(pages_of(account.id, url)) as pages:
                async for page in pages:
                    # one by one: a thousand live models cost as much again to collect
                    for item in page.items:
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
