"""Mail: queries, messages, and the service that reads, syncs and publishes them.

Names that containers do not need are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from iacs.mail_query.collaborators import AccessTokens, Accounts
from iacs.mail_query.retry_policy import RetryPolicy
from iacs.mail_query.schema import (
    Body,
    Coverage,
    EmailAddress,
    FolderCoverage,
    FolderResult,
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
    from iacs.mail_query.query import MailQuery

__all__ = [
    "AccessTokens",
    "Accounts",
    "Body",
    "Coverage",
    "EmailAddress",
    "FolderCoverage",
    "FolderResult",
    "FollowupFlag",
    "InternetMessageHeader",
    "MailFolder",
    "MailQuery",
    "MailQueryService",
    "MailReceived",
    "Message",
    "Recipient",
    "RetryPolicy",
    "SyncProgress",
    "SyncResult",
    "UnreadableMessage",
]

_LATER = {"MailQuery": "iacs.mail_query.query", "MailReceived": "iacs.mail_query.events"}

if not TYPE_CHECKING:  # a type checker would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
