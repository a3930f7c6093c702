"""Mail in the database."""

from collections.abc import AsyncGenerator

from iacs.core.database import Database
from iacs.mail_query import message_rows
from iacs.mail_query.collaborators import Accounts
from iacs.mail_query.items import read_message
from iacs.mail_query.schema import Message, UnreadableMessage
from iacs.mail_query.stored_message import StoredMessage

_BATCH = 300


class StoredMail:
    """A reader of stored messages, as `schema`, that does not wait for writers."""

    def __init__(self, accounts: Accounts, database: Database, *, schema: type[Message]) -> None:
        self._accounts = accounts
        self._database = database
        self._schema = schema

    async def messages(
        self, email: str, *, folder: str | None, removed: bool
    ) -> AsyncGenerator[Message | UnreadableMessage, None]:
        """Yield messages, sorted by id."""
        account = await self._accounts.get(email)
        after = ""
        while True:
            rows = await self._database.read(
                message_rows.documents,
                account.id,
                folder_id=folder,
                removed=removed,
                after=after,
                limit=_BATCH,
            )
            for _, document, problem in rows:
                if problem is None and self._schema is Message:
                    yield StoredMessage.of_json(document)
                else:
                    yield read_message(document, self._schema)
            if len(rows) < _BATCH:
                return
            after = rows[-1][0]

    async def count(self, email: str, *, folder: str | None, removed: bool) -> int:
        """Return the number of messages."""
        account = await self._accounts.get(email)
        return await self._database.read(message_rows.count, account.id, folder_id=folder, removed=removed)
