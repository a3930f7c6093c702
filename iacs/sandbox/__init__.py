"""A local stand-in for Entra ID and Microsoft Graph, with mail from files.

It imports nothing else of iacs, so that it cannot share the mistakes of the code under test.
"""

from iacs.sandbox.cloud import Behaviour, RecordedRequest
from iacs.sandbox.errors import SandboxError
from iacs.sandbox.faults import Fault, Faults
from iacs.sandbox.mail.loading import parse_mailboxes
from iacs.sandbox.mail.mailbox import Mailbox
from iacs.sandbox.sandbox import Sandbox, serve

__all__ = [
    "Behaviour",
    "Fault",
    "Faults",
    "Mailbox",
    "RecordedRequest",
    "Sandbox",
    "SandboxError",
    "parse_mailboxes",
    "serve",
]
