"""The stand-in as a whole: starting, observing and stopping it."""

import asyncio
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from iacs.sandbox.administration import Administration
from iacs.sandbox.app import create_app
from iacs.sandbox.certificates import server_context
from iacs.sandbox.cloud import Behaviour, RecordedRequest, new_cloud
from iacs.sandbox.entra.token_issuer import TokenIssuer
from iacs.sandbox.errors import SandboxError
from iacs.sandbox.faults import Faults
from iacs.sandbox.mail.loading import load
from iacs.sandbox.mail.mailbox import Mailbox
from iacs.sandbox.state import State

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Sandbox(Administration):
    """Entra ID and Microsoft Graph with mail from files, served on loopback only.

    `port` 0 is any free port. The file `state` keeps people, mail and grants over restarts; mail from files is then
    read for new addresses only. Raises SandboxError for an address that is not on loopback, and on start for mail or
    a state that cannot be read or a port that is in use.
    """

    def __init__(
        self,
        mailboxes: Mapping[str, Sequence[Path]],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        https: bool = False,
        behaviour: Behaviour | None = None,
        state: Path | None = None,
    ) -> None:
        if host not in _LOOPBACK:
            raise SandboxError(
                f"{host} is not on loopback: the stand-in checks no passwords, so it serves 127.0.0.1 only"
            )
        self._sources = dict(mailboxes)
        self._host, self._port, self._https = host, port, https
        super().__init__(new_cloud(mailboxes, behaviour or Behaviour(), TokenIssuer()))
        self._state = State(state) if state else None
        self._runner: web.AppRunner | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Read the state and the mail, and listen."""
        try:
            await asyncio.to_thread(self._load)
            await self._keep()
            app = create_app(self._cloud, self._keep if self._state else None)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await self._runner.setup()
            site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls())
            await site.start()
        except OSError as error:
            await self.aclose()
            # asyncio's text would repeat the address
            reason = os.strerror(error.errno) if error.errno else error
            raise SandboxError(f"cannot listen on {self._host}:{self._port}: {reason}") from error
        except BaseException:
            await self.aclose()
            raise
        self._port = self._runner.addresses[0][1]

    async def _keep(self) -> None:
        if self._state:
            await self._state.keep(self._cloud)

    def _restore(self) -> None:
        """Replace the cloud by the one that was kept; people who are not in it are added."""
        kept = self._state.restore(self._cloud) if self._state else None
        if kept is None:
            return
        for address in [address for address in self._sources if kept.directory.find(address)]:
            del self._sources[address]
        for address in self._sources:
            kept.directory.add(self.mailbox(address), kept.directory.tenant_id)
        vars(self._cloud).update(vars(kept))

    def _load(self) -> None:
        self._restore()
        for address, paths in self._sources.items():
            load(self.mailbox(address), paths)
        self._sources = {}
        for person in self._cloud.directory.people:
            person.mailbox.parse_all()

    def reset(self, mailboxes: Mapping[str, Sequence[Path]], *, behaviour: Behaviour | None = None) -> None:
        """Replace everything that a running cloud holds: mail, sign-ins, faults and recorded requests.

        Address and signing key stay, connections are closed. It is called in the event loop of the server.
        Raises SandboxError, after which nothing has changed, for mail that cannot be read.
        """
        fresh = new_cloud(mailboxes, behaviour or Behaviour(), self._cloud.issuer)
        for address, paths in mailboxes.items():
            load(fresh.directory.person(address).mailbox, paths)
        fresh.issuer.clear()
        vars(self._cloud).update(vars(fresh))
        if self._runner:
            for connection in _connections(self._runner):
                connection.abort()

    def _tls(self) -> ssl.SSLContext | None:
        if not self._https:
            return None
        self._folder = tempfile.TemporaryDirectory(prefix="iacs-sandbox-")
        return server_context(Path(self._folder.name) / "ca.pem")

    async def aclose(self) -> None:
        """Stop listening, and keep the state."""
        runner, self._runner = self._runner, None
        folder, self._folder = self._folder, None
        try:
            if runner:
                await _stop(runner)
                await self._keep()
        finally:
            if folder:
                folder.cleanup()

    @property
    def url(self) -> str:
        """Scheme, host and port; also the authority host of Entra ID."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._https else 'http'}://{host}:{self._port}"

    @property
    def authority_host(self) -> str:
        """The replacement of https://login.microsoftonline.com."""
        return self.url

    @property
    def graph_url(self) -> str:
        """The replacement of https://graph.microsoft.com/v1.0."""
        return f"{self.url}/v1.0"

    @property
    def tenant_id(self) -> str:
        """The id of the directory, the same for every sandbox."""
        return self._cloud.directory.tenant_id

    @property
    def client_id(self) -> str:
        """The id of the registered application, the same for every sandbox."""
        return self._cloud.registration.client_id

    @property
    def client_secret(self) -> str:
        """The newest secret of the application; the first is the same for every sandbox."""
        return self._cloud.registration.secrets[-1].value

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority to trust (PEM); None without https."""
        return Path(self._folder.name) / "ca.pem" if self._folder else None

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make a program use this cloud instead of Microsoft's."""
        settings = {
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_AUTHORITY_HOST": self.authority_host,
            "GRAPH_URL": self.graph_url,
        }
        return settings | ({"HTTP_CA_FILE": str(self.ca_file)} if self.ca_file else {})

    @property
    def issued(self) -> tuple[str, ...]:
        """Every code and token issued so far, for tests that look for leaks."""
        return tuple(self._cloud.issuer.secrets)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests received, oldest first."""
        return self._cloud.requests

    @property
    def faults(self) -> Faults:
        """The scripted failures."""
        return self._cloud.faults

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour of the cloud, which may be changed while it runs."""
        return self._cloud.behaviour

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address of every mailbox."""
        return tuple(person.address for person in self._cloud.directory.people if not person.is_guest)

    def mailbox(self, address: str) -> Mailbox:
        """Return the mailbox of an address; raise KeyError if it does not exist."""
        return self._cloud.directory.person(address).mailbox


async def _stop(runner: web.AppRunner) -> None:
    """Stop the server, and close the connections that clients keep open."""
    connections = _connections(runner)
    await runner.cleanup()
    for connection in connections:
        connection.abort()
    await asyncio.sleep(0)


def _connections(runner: web.AppRunner) -> list[asyncio.WriteTransport]:
    handlers = runner.server.connections if runner.server else []
    transports = [handler.transport for handler in handlers]
    return [transport for transport in transports if isinstance(transport, asyncio.WriteTransport)]


async def serve(sandbox: Sandbox, started: Callable[[Sandbox], None]) -> None:
    """Run until cancelled; `started` is called once it listens."""
    async with sandbox:
        started(sandbox)
        await asyncio.Event().wait()
