"""Messages written by a test."""

from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from iacs.core import clock


def new_message(
    recipient: str, *, sender: str = "sender@fabrikam.example", subject: str = "Hello", text: str = ""
) -> EmailMessage:
    """Return a message sent just now."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(domain="fabrikam.example")
    message.set_content(text)
    return message
