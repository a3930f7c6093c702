"""The HTTP client for Microsoft's cloud: one session, one set of trusted CAs, one timeout."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from iacs.core._http.origin import same_origin
from iacs.core._http.response import HttpResponse
from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.exceptions import APIConnectionError

if TYPE_CHECKING:
    from iacs.core._http.session import HttpSession


__all__ = ["HttpClient", "HttpResponse", "same_origin"]


class HttpClient(AsyncClosing):
    """An HTTP client with one aiohttp session per event loop, opened at the first use.

    `timeout` is in seconds; a response of more than `max_response_bytes`, decompressed, is rejected.
    Proxies are read from the environment, as curl and requests do. Cookies are not kept and redirects are not
    followed: what is sent to one address never reaches another, and accounts do not share cookies.
    """

    def __init__(
        self, *, timeout: float = 30.0, max_response_bytes: int = 67_108_864, ca_file: Path | None = None
    ) -> None:
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes
        self._ca_file = ca_file
        self._sessions: dict[AbstractEventLoop, HttpSession] = {}

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str | SecretStr] | None = None,
        form: Mapping[str, str | SecretStr] | None = None,
        json: Any = None,
    ) -> HttpResponse:
        """Send one request and read the whole response within the timeout.

        Secrets among headers and fields stay SecretStr until they are sent, so that no traceback shows them.
        Raises APIConnectionError if there is no response, never because of its HTTP status, and
        MalformedResponseError for one that is too large.
        """
        host = urlsplit(url).netloc.rpartition("@")[2]
        if not host:
            raise APIConnectionError(
                "a URL without a host cannot be requested", hint="check the URLs in the settings"
            )
        session = await self._session()
        return await session.send(method, url, host=host, headers=headers, form=form, json=json)

    async def aclose(self) -> None:
        """Close the session of the running event loop; a later request opens a new one."""
        session = self._sessions.pop(get_running_loop(), None)
        if session is not None:
            await session.aclose()

    async def _session(self) -> "HttpSession":
        from iacs.core._http.session import HttpSession

        loop = get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = HttpSession(
                timeout=self._timeout, max_bytes=self._max_response_bytes, ca_file=self._ca_file
            )
            await self._sessions[loop].start()
            for dead in [other for other in self._sessions if other.is_closed()]:
                await self._sessions.pop(dead).discard()  # its loop was closed without its async generators
        return self._sessions[loop]
