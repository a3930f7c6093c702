"""Mail: the query, the messages, the service that reads, stores and announces them."""

from iacs.mail_query.events import MailReceived
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
from iacs.mail_query.service import Accounts, MailQueryService

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
