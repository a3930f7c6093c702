"""One HTTP client for all of Microsoft's cloud: one session, one set of trusted CAs, one deadline."""

import ssl
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from iacs.core.exceptions import APIConnectionError, ConfigurationError


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status; the names of `headers` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Send requests over one aiohttp session per event loop, opened at first use.

    Proxies come from the environment, as urllib reads it. Cookies are not kept and redirects are not
    followed: what is sent to one address never reaches another, nor one account's request another's.
    """

    def __init__(self, *, timeout: float = 30.0, ca_file: Path | None = None) -> None:
        self._timeout = timeout
        self._ca_file = ca_file
        self._sessions: dict[AbstractEventLoop, _OpenSession] = {}

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> HttpResponse:
        """Send one request and read the whole answer within the timeout.

        Raises APIConnectionError when no answer comes, never for an HTTP status.
        """
        host = _host(url)
        session = await self._session()
        try:
            async with session.request(
                method,
                # Verbatim: yarl would otherwise rewrite the percent-encoding of a server's own links.
                URL(url, encoded=True),
                headers=headers,
                data=form,
                json=json,
                proxy=_proxy(url),
                allow_redirects=False,
            ) as response:
                return HttpResponse(response.status, response.headers, await response.read())
        except aiohttp.ClientResponseError:
            # Its text has the whole URL, whose query may hold a code or what a person searches for.
            raise APIConnectionError(f"{host} gave an answer that is not HTTP. Try again later.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise APIConnectionError(self._explain(host, error)) from error

    async def aclose(self) -> None:
        """Close the session of the running event loop; a later request opens a new one."""
        session = self._sessions.pop(get_running_loop(), None)
        if session is not None:
            await session.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _session(self) -> aiohttp.ClientSession:
        loop = get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = _OpenSession(self._timeout, _trusted(self._ca_file))
            await self._sessions[loop].start()
            await self._discard_dead()
        return self._sessions[loop].session

    async def _discard_dead(self) -> None:
        """Drop the sessions of loops that were closed without their async generators being."""
        for dead in [loop for loop in self._sessions if loop.is_closed()]:
            await self._sessions.pop(dead).session.close()

    def _explain(self, host: str, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"{host} did not answer within {self._timeout:g} seconds. Try again later."
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            return (
                f"{host} showed a certificate that is not trusted."
                " If its CA is yours, name the CA's file in HTTP_CA_FILE."
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            return (
                f"{host} cannot be reached ({error.os_error}). Check the network, the proxy and the address."
            )
        return f"The connection to {host} broke off ({type(error).__name__}). Try again later."


class _OpenSession:
    """Tie a session to its event loop.

    Whoever runs a loop (asyncio.run, for one) closes its async generators before it closes the loop. So a
    session kept open by such a generator ends with its loop, also where nobody calls `aclose`.
    """

    def __init__(self, timeout: float, trusted: ssl.SSLContext) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout),
            # Not trust_env: it also reads ~/.netrc, whose passwords then stand against our tokens.
            trust_env=False,
        )
        self._life = self._live()

    async def start(self) -> None:
        await anext(self._life)

    async def aclose(self) -> None:
        await self._life.aclose()

    async def _live(self) -> AsyncGenerator[None, None]:
        async with self.session:
            yield


def _host(url: str) -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    if not host:
        raise APIConnectionError("An address without a host cannot be asked. Check the URLs of the settings.")
    return host


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # also ssl.SSLError
            raise ConfigurationError(
                [f"HTTP_CA_FILE: {ca_file} cannot be read as a CA certificate in PEM ({error.strerror})"]
            ) from error
    return context
