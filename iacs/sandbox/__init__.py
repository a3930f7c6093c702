"""A stand-in for Entra ID and Microsoft Graph on this machine, over mail from files.

It imports nothing of the rest of this project: the code under test cannot share its mistakes.
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
