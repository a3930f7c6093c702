"""A listener for the redirect that ends a sign-in on this machine (RFC 8252, 7.3: loopback addresses)."""

import asyncio
import errno
import hmac
import socket
from html import escape
from typing import Self
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from pydantic import SecretStr

from iacs.auth.schema import AuthorizationCallback
from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.exceptions import AuthenticationError, ConfigurationError

_ADDRESSES = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>iacs: {title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem;
overflow-wrap: anywhere }}</style>
<h1>{title}</h1><p>{text}</p></html>
"""


class LoopbackListener(AsyncClosing):
    """A listener for the redirect to `redirect_uri`, an http address of this machine.

    Only a callback with `state` counts: another page in the browser cannot end the sign-in.
    """

    def __init__(self, redirect_uri: str, state: SecretStr) -> None:
        self._uri = urlsplit(redirect_uri)
        self._state = state
        self._runner: web.ServerRunner | None = None
        self._callback: asyncio.Future[AuthorizationCallback] | None = None

    async def __aenter__(self) -> Self:
        addresses = _addresses(self._uri)
        self._callback = asyncio.get_running_loop().create_future()
        # No access log: the query contains the code.
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        try:
            for sock in _listen(addresses, self._uri.port or 80):
                await web.SockSite(self._runner, sock).start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def callback(self, *, timeout: float = 300.0) -> AuthorizationCallback:
        """Return the callback; raise AuthenticationError if none arrives within `timeout` seconds."""
        if self._callback is None:
            raise RuntimeError("the listener is not open; use it inside `async with`")
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self._callback)
        except TimeoutError:
            raise AuthenticationError(
                f"nobody signed in within {timeout:g} seconds", hint="start the sign-in again"
            ) from None

    async def aclose(self) -> None:
        """Stop listening; safe to call twice."""
        if self._callback is not None:
            self._callback.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.host.lower() != self._uri.netloc.lower() or request.path != (self._uri.path or "/"):
            return _page(404, "Not found", "This address only receives the end of a sign-in.")
        if request.method != "GET":
            return _page(405, "Not allowed", "A sign-in ends with a GET request.")
        if not hmac.compare_digest(
            request.query.get("state", "").encode(), self._state.get_secret_value().encode()
        ):
            return _page(
                400, "Another sign-in", "iacs is not waiting for this sign-in. Go back and start it again."
            )
        callback = AuthorizationCallback(
            state=self._state,
            code=SecretStr(request.query["code"]) if "code" in request.query else None,
            error=request.query.get("error", ""),
            error_description=request.query.get("error_description", ""),
        )
        if self._callback is not None and not self._callback.done():
            self._callback.set_result(callback)
        if callback.error:
            return _page(400, "The sign-in failed", f"{callback.error}: {callback.error_description}")
        return _page(200, "Signed in", "You can close this window and go back to iacs.")


def _addresses(uri: SplitResult) -> tuple[str, ...]:
    addresses = _ADDRESSES.get(uri.hostname or "")
    if uri.scheme != "http" or addresses is None:
        raise ConfigurationError(
            ["AZURE_REDIRECT_URI is not an http:// address of this machine"],
            hint="use one such as http://localhost:8400/callback",
        )
    return addresses


def _listen(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    """Listen on every address; a machine may lack IPv6, but a port in use is an error."""
    sockets: list[socket.socket] = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sockets.append(socket.create_server((address, port), family=family))
        except OSError as error:
            if sockets and error.errno != errno.EADDRINUSE:
                continue
            for sock in sockets:
                sock.close()
            raise AuthenticationError(
                f"port {port} of {address} is not available ({error.strerror})",
                hint="stop the program that uses it, or register and set another AZURE_REDIRECT_URI",
            ) from error
    return sockets


def _page(status: int, title: str, text: str) -> web.Response:
    page = _PAGE.format(title=escape(title), text=escape(text))
    return web.Response(status=status, text=page, content_type="text/html", headers=_HEADERS)
