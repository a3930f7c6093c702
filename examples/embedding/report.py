"""The host's report on the mail; it uses the service and does not know about containers."""

import logging
from collections import Counter

from iacs.core.database import Database
from iacs.core.transaction import Transaction
from iacs.mail_query import MailQueryService, Message

TABLE = "CREATE TABLE IF NOT EXISTS host_senders (sender TEXT PRIMARY KEY, messages BIGINT NOT NULL)"
COUNT = """
    INSERT INTO host_senders (sender, messages) VALUES (:sender, :messages)
    ON CONFLICT (sender) DO UPDATE SET messages = excluded.messages
"""


class SenderReport:
    """A count of the stored mail by sender, in a table of the host."""

    def __init__(self, database: Database, mail: MailQueryService, logger: logging.Logger) -> None:
        self.database = database
        self.mail = mail
        self.logger = logger

    async def write(self, address: str) -> Counter[str]:
        """Count one mailbox and store the result; mail without a sender counts as "(none)"."""
        senders: Counter[str] = Counter()
        async for message in self.mail.stored(address):
            sender = message.from_.address if isinstance(message, Message) and message.from_ else None
            senders[sender or "(none)"] += 1
        await self.database.run(_keep, senders)
        self.logger.info("counted %d senders", len(senders))
        return senders


def _keep(tx: Transaction, senders: Counter[str]) -> None:
    tx.execute(TABLE)
    if senders:
        tx.execute(COUNT, [{"sender": name, "messages": count} for name, count in senders.items()])
