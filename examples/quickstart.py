"""The whole workflow, from enrolling accounts to reading events back; `make demo` runs this file.

Only Microsoft's cloud is replaced, by a stand-in on this machine: HTTP, the authorization-code flow, the database
and the events are real. For Microsoft 365 itself, only the settings differ.
"""

import argparse
import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from dependency_injector import providers
from display import show_messages, show_summary, sync_progress
from rich.console import Console

from iacs.account import AccountService
from iacs.auth import AuthService, LoopbackListener
from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.encryption import Encryption
from iacs.core.events import EventStream
from iacs.core.exceptions import IACSGraphError
from iacs.mail_query import MailQuery, MailQueryService, SyncResult
from iacs.runtime import Application
from iacs.sandbox import Sandbox, SandboxError

EXAMPLES = Path(__file__).resolve().parent
console = Console()


async def main(folder: Path, mailbox: Path | None) -> None:
    """Run all steps; a later run with the same folder resumes where this one ended."""
    console.print("Starting a stand-in for Microsoft's cloud …")
    async with start_cloud(mailboxes(mailbox)) as cloud:
        container = ApplicationContainer()
        container.core.config.override(providers.Object(settings(folder, cloud.settings)))
        async with Application(container) as app:
            addresses = await enrol(app.get(AccountService))
            for address in addresses:
                await sign_in(app.get(AuthService), address)
            mail = app.get(MailQueryService)
            await query(mail, addresses)
            results = await sync(mail, addresses)
            read_back = await read_events(app.get(EventStream), app["mail_query.topic"])
            stored = [await mail.count(address) for address in addresses]
            received = sum(len(cloud.mailbox(address).messages) for address in addresses)
    show_summary(console, results, received=received, stored=sum(stored), read_back=read_back, folder=folder)


@asynccontextmanager
async def start_cloud(mailboxes: dict[str, list[Path]]) -> AsyncIterator[Sandbox]:
    """Start the stand-in on the port of earlier runs, so that their delta links stay valid, or on a free port."""
    async with AsyncExitStack() as stack:
        try:
            cloud = await stack.enter_async_context(Sandbox(mailboxes, port=8365))
        except SandboxError:  # another demo uses the port; an error in the mail is raised again
            cloud = await stack.enter_async_context(Sandbox(mailboxes))
        yield cloud


def mailboxes(mailbox: Path | None) -> dict[str, list[Path]]:
    """Return the sample mail of every account, or `mailbox` as the mail of the first account."""
    people = sorted(path.stem for path in (EXAMPLES / "enrollment").glob("*.yaml"))
    if mailbox is not None:
        files = {name: [mailbox] if name == people[0] else [] for name in people}
    else:
        files = {name: sorted((EXAMPLES / "mailboxes").glob(f"{name}*")) for name in people}
    return {f"{name}@contoso.example": paths for name, paths in files.items()}


def settings(folder: Path, cloud: dict[str, str]) -> Config:
    """Read the folder's `.env`, which the first run writes; the settings of this run's cloud take precedence."""
    file = folder / ".env"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        values = {
            "DATABASE_URL": f"sqlite:///{folder.resolve()}/iacs.db",
            "TOKEN_ENCRYPTION_KEY": Encryption.new_key(),
            "ENROLLMENT_DIRECTORY": str(EXAMPLES / "enrollment"),
            "LOG_LEVEL": "WARNING",
            **cloud,
        }
        file.write_text("".join(f"{name}={value!r}\n" for name, value in values.items()))
    here = {"azure_redirect_uri": f"http://localhost:{free_port()}/callback"}
    return Config(_env_file=file, **{name.lower(): value for name, value in cloud.items()}, **here)


async def enrol(accounts: AccountService) -> Sequence[str]:
    """Create the accounts of the enrolment files, and return their addresses."""
    await accounts.sync()
    addresses = [account.email for account in await accounts.list() if account.status != "disabled"]
    console.print(f"Enrolled: {', '.join(addresses)}")
    return addresses


async def sign_in(auth: AuthService, address: str) -> None:
    """Sign one person in, with an HTTP client instead of a browser."""
    request = await auth.begin(address)
    async with (
        LoopbackListener(request.redirect_uri, request.state) as listener,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as browser,
        browser.get(request.url),
    ):
        signed_in = await auth.complete(await listener.callback(timeout=30))
    console.print(f"Signed in: {signed_in.account}")


async def query(mail: MailQueryService, addresses: Sequence[str]) -> None:
    """Query the latest unread mail from Graph."""
    latest = MailQuery(unread=True, order_by=("received_at desc",), limit=5)
    for address in addresses:
        messages = [message async for message in mail.messages(address, latest)]
        if messages:
            show_messages(console, f"Unread mail of {address}, latest first", messages)


async def sync(mail: MailQueryService, addresses: Sequence[str]) -> list[SyncResult]:
    """Sync every mailbox into the database; one event is published for each new message."""
    with sync_progress(console) as progress:
        return [await mail.sync(address, on_progress=progress) for address in addresses]


async def read_events(events: EventStream, topic: str) -> int:
    """Read the published events as one consumer group, which remembers its offset."""
    read = [event async for event in events.consume(topic, "quickstart", idle_timeout=2.0)]
    return len(read)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".demo/samples"), help="where the data is kept")
    parser.add_argument(
        "--mailbox", type=Path, help="your own mail: an mbox (.gz too), a Maildir, .eml files"
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.folder, arguments.mailbox))
    except IACSGraphError as error:
        sys.exit(f"error: {error.message_with_hint}")
    except SandboxError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
