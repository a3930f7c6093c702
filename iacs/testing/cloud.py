"""The value of the fixture `cloud`: the stand-in for Microsoft's cloud, as one test uses it."""

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iacs.account import AccountService
from iacs.core.token_service import TokenService
from iacs.sandbox import Fault, Faults, RecordedRequest, Sandbox
from iacs.testing.mail import new_message
from iacs.testing.sign_in import refuse_another_cloud, sign_in

if TYPE_CHECKING:
    from iacs.runtime import Application, Overlay, Scope
    from iacs.testing.loop_thread import LoopThread

Mail = Path | str | EmailMessage | bytes
"""A file or folder with mail, or one message."""


class CloudFixture:
    """The stand-in for Microsoft's cloud; its server runs in another thread, and is emptied before each test.

    `sandbox` has what is not repeated here.
    """

    def __init__(self, sandbox: Sandbox, thread: "LoopThread") -> None:
        self.sandbox = sandbox
        self._thread = thread

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that make a program use this cloud; they are set in the environment during the test."""
        return self.sandbox.settings

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address of every mailbox."""
        return self.sandbox.addresses

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        """The requests received during the test, oldest first."""
        return tuple(self.sandbox.requests)

    @property
    def faults(self) -> Faults:
        """All kinds of scripted failures."""
        return self.sandbox.faults

    def throttle(self, path: str = "*", *, retry_after: float = 0, **matcher: Any) -> Fault:
        """Answer the next matching request with 429; `matcher` has times, after, method and user of a Fault."""
        return self.faults.throttle(path, retry_after=retry_after, **matcher)

    def refuse(self, path: str = "*", *, status: int = 403, **matcher: Any) -> Fault:
        """Answer the next matching request with an error."""
        return self.faults.unavailable(path, status=status, **matcher)

    def drop(self, path: str = "*", **matcher: Any) -> Fault:
        """Close the connection of the next matching request without an answer."""
        return self.faults.drop(path, **matcher)

    def revoke(self, address: str) -> None:
        """End every sign-in of a person, as an administrator can."""
        self._thread.call(lambda: self.sandbox.revoke(address))

    def receive(
        self,
        message: EmailMessage | bytes | None = None,
        *,
        mailbox: str = "",
        folder: str = "inbox",
        **fields: str,
    ) -> str:
        """Deliver a message, and return its immutable id.

        Without a message, `fields` are its subject, sender and text. It goes to `mailbox`, or to the first
        recipient who has one, or to the first mailbox.
        """
        recipients = _recipients(message) if isinstance(message, EmailMessage) else ()
        known = (address for address in recipients if address in self.addresses)
        address = mailbox or next(known, self._first)
        raw = message if isinstance(message, bytes) else bytes(message or new_message(address, **fields))
        return self._thread.call(lambda: self.sandbox.mailbox(address).add(raw, folder).immutable_id)

    def change(self, message_id: str, *, mailbox: str = "", **properties: Any) -> None:
        """Set properties of a message, such as isRead=True."""
        box = self.sandbox.mailbox(mailbox or self._first)
        self._thread.call(lambda: box.change(message_id, **properties))

    def remove(self, message_id: str, *, mailbox: str = "") -> None:
        """Delete a message permanently."""
        box = self.sandbox.mailbox(mailbox or self._first)
        self._thread.call(lambda: box.remove(message_id))

    @property
    def _first(self) -> str:
        return next(iter(self.addresses), "")

    def sign_in(self, application: "Application[Any] | Overlay | Scope", *addresses: str) -> None:
        """Enrol and sign in the owners of mailboxes (default: all) at a started application.

        Raises ConfigurationError when the application uses another cloud.
        """
        refuse_another_cloud(application, self.sandbox)
        parts = application.get(AccountService), application.get(TokenService)
        self._thread.run(sign_in(*parts, self.sandbox, addresses or self.addresses))

    def reset(
        self, mailboxes: "Mapping[str, Mail | Sequence[Mail]] | Sequence[str]", *, folder: Path
    ) -> None:
        """Start again with these mailboxes, or empty ones; relative paths are relative to `folder`."""
        if not isinstance(mailboxes, Mapping):
            mailboxes = dict.fromkeys(mailboxes, ())
        mail = {address: _listed(value) for address, value in mailboxes.items()}
        files = {
            address: [folder / part for part in parts if isinstance(part, Path | str)]
            for address, parts in mail.items()
        }
        self._thread.call(lambda: self.sandbox.reset(files))
        for address, parts in mail.items():
            for part in parts:
                if isinstance(part, EmailMessage | bytes):
                    self.receive(part, mailbox=address)


def _listed(value: Mail | Sequence[Mail]) -> Sequence[Mail]:
    return [value] if isinstance(value, Path | str | EmailMessage | bytes) else value


def _recipients(message: EmailMessage) -> Sequence[str]:
    headers = [str(value) for name in ("to", "cc", "bcc") for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(headers)]
