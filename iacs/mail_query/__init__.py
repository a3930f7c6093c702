"""Mail: the query, the messages, the service that reads, stores and announces them.

MailReceived is imported when it is asked for: as a rule those who consume events do, which others need not.
"""

from typing import TYPE_CHECKING

from iacs.mail_query.collaborators import Accounts
from iacs.mail_query.graph import AccessTokens, Patience
from iacs.mail_query.query import MailQuery
from iacs.mail_query.schema import (
    Body,
    EmailAddress,
    FollowupFlag,
    InternetMessageHeader,
    MailFolder,
    Message,
    Recipient,
    SyncProgress,
    SyncResult,
    UnreadableMessage,
)
from iacs.mail_query.service import MailQueryService

if TYPE_CHECKING:
    from iacs.mail_query.events import MailReceived

__all__ = [
    "AccessTokens",
    "Accounts",
    "Body",
    "EmailAddress",
    "FollowupFlag",
    "InternetMessageHeader",
    "MailFolder",
    "MailQuery",
    "MailQueryService",
    "MailReceived",
    "Message",
    "Patience",
    "Recipient",
    "SyncProgress",
    "SyncResult",
    "UnreadableMessage",
]

if not TYPE_CHECKING:  # which would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name != "MailReceived":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from iacs.mail_query.events import MailReceived

        return MailReceived
