"""A session of aiohttp, which is slow to import: HttpClient imports this file when it opens its first session."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Literal

import aiohttp
from pydantic import SecretStr
from yarl import URL

from iacs.core._http.failure import explain, refused_by_proxy
from iacs.core._http.proxy import Proxy, proxy_for
from iacs.core._http.response import HttpResponse
from iacs.core.exceptions import APIConnectionError, ConfigurationError, MalformedResponseError

_WHOLE = 10
"""The limit of a whole request, in timeouts."""


class HttpSession:
    """A session of aiohttp that ends with its event loop; `timeout` is in seconds, `max_bytes` of a decompressed body.

    The timeout limits each silence, and ten times as much the whole request: a large page may take longer than the
    timeout while its bytes keep coming.

    asyncio.run, for example, closes the loop's async generators before it closes the loop. A session that such a
    generator keeps open is closed then, even if nobody calls `aclose`.
    """

    def __init__(self, *, timeout: float, max_bytes: int, ca_file: Path | None) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_trusted(ca_file)),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=timeout * _WHOLE, connect=timeout, sock_connect=timeout, sock_read=timeout
            ),
            # Not trust_env: it also reads ~/.netrc, whose passwords would replace our tokens.
            trust_env=False,
        )
        self._life = self._live()

    async def start(self) -> None:
        """Keep the session open until its loop ends."""
        await anext(self._life)

    async def aclose(self) -> None:
        """Close the session in its own loop."""
        await self._life.aclose()

    async def discard(self) -> None:
        """Close the session of a loop that is already closed."""
        await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        *,
        host: str,
        headers: Mapping[str, str | SecretStr] | None,
        form: Mapping[str, str | SecretStr] | None,
        json: Any,
    ) -> HttpResponse:
        """Send one request; raise APIConnectionError, which names the host or the proxy, if there is no response."""
        proxy = proxy_for(url)
        try:
            async with self._session.request(
                method,
                # Verbatim: otherwise yarl rewrites the percent-encoding of a server's own links.
                URL(url, encoded=True),
                headers=_revealed(headers),
                data=_revealed(form),
                json=json,
                proxy=proxy.url if proxy else None,
                allow_redirects=False,
            ) as response:
                if proxy and response.status == 407:  # to a request over http, which it does not tunnel
                    raise _refusal(response.status, response.headers, host, proxy)
                body = await self._read(response, host)
                return HttpResponse(response.status, response.headers, body)
        except aiohttp.ClientHttpProxyError as error:
            if proxy is None:
                raise
            raise _refusal(error.status, error.headers or {}, host, proxy) from None
        except aiohttp.ClientResponseError:
            # Its text has the whole URL, and the query may contain a code or somebody's search.
            raise APIConnectionError(
                f"{host} sent a response that is not HTTP", hint="try again later"
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            message, hint = self._explain(host, error, proxy)
            # Without aiohttp's frames, whose variables have the secrets that were sent.
            raise APIConnectionError(message, hint=hint) from error.with_traceback(None)

    async def _read(self, response: aiohttp.ClientResponse, host: str) -> bytes:
        """Return the body; aiohttp decompresses only as much at a time as is read."""
        parts, size = list[bytes](), 0  # a bytearray that grows takes twice the time of the whole request
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._max_bytes:
                response.close()  # else aiohttp would read the rest
                raise MalformedResponseError(
                    f"the response of {host} is larger than {self._max_bytes} bytes",
                    status=response.status,
                    hint="raise HTTP_MAX_RESPONSE_BYTES, or lower GRAPH_PAGE_SIZE",
                )
            await asyncio.sleep(0)  # parts that are there already would come without a pause
        return b"".join(parts)

    def _explain(self, host: str, error: Exception, proxy: Proxy | None) -> tuple[str, str]:
        if isinstance(error, aiohttp.ServerTimeoutError):
            return f"{host} did not answer within {self._timeout:g} seconds", "try again later"
        if isinstance(error, TimeoutError):
            return (
                f"{host} did not finish its response within {self._timeout * _WHOLE:g} seconds",
                "raise HTTP_TIMEOUT, or lower GRAPH_PAGE_SIZE",
            )
        return explain(error, host, proxy)

    async def _live(self) -> AsyncGenerator[None, None]:
        async with self._session:
            yield


def _revealed(values: Mapping[str, str | SecretStr] | None) -> dict[str, str] | None:
    """Return headers or fields as they are sent."""
    if values is None:
        return None
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in values.items()
    }


def _refusal(status: int, headers: Mapping[str, str], host: str, proxy: Proxy) -> APIConnectionError:
    message, hint = refused_by_proxy(status, headers.get("Proxy-Authenticate", ""), host, proxy)
    return APIConnectionError(message, hint=hint)


def _trusted(ca_file: Path | None) -> ssl.SSLContext | Literal[True]:
    """Return the system's CAs and that of a file; without one, True for what aiohttp has loaded: twice takes 30 ms."""
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # also ssl.SSLError
        raise ConfigurationError(
            [f"HTTP_CA_FILE: {ca_file} cannot be read as a CA certificate in PEM ({error.strerror})"],
            hint="name a PEM file that this user can read",
        ) from error
    return context
