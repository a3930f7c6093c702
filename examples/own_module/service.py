"""Digests of stored mail."""

from collections import Counter

from iacs.mail_query import MailQueryService, Message
from own_module.schema import Digest


class DigestService:
    """A summary of the stored mail of an account."""

    def __init__(self, mail: MailQueryService, *, schema: type[Digest]) -> None:
        self.mail = mail
        self.schema = schema

    async def digest(self, account: str) -> Digest:
        """Return the digest of one account; mail without a sender is not counted by sender."""
        mail = [message async for message in self.mail.stored(account) if isinstance(message, Message)]
        senders = Counter(message.from_.address for message in mail if message.from_)
        busiest = senders.most_common(1)[0][0] if senders else None
        return self.schema(account=account, messages=len(mail), busiest=busiest)
