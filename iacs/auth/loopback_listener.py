"""A listener for the redirect that ends a sign-in on this machine (RFC 8252, 7.3: loopback addresses)."""

import asyncio
import errno
import hmac
import socket
from collections.abc import Awaitable, Callable
from typing import Self
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from pydantic import SecretStr

from iacs.auth.pages import notices
from iacs.auth.pages.markup import paragraphs, security_headers
from iacs.auth.pages.messages import PageResponse
from iacs.auth.pages.on_aiohttp import to_aiohttp
from iacs.auth.pages.outcomes import outcome_of
from iacs.auth.schema import AuthorizationCallback, SignedIn
from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.exceptions import AuthenticationError, ConfigurationError

_ADDRESSES = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}


class LoopbackListener(AsyncClosing):
    """A listener for the redirect to `redirect_uri`, an http address of this machine.

    Only a callback with `state` counts: another page in the browser cannot end the sign-in. `complete` checks the
    code and the person, and the page shows its outcome, for `account`; without it the page does not say whether the sign-in
    succeeded.
    """

    def __init__(
        self,
        redirect_uri: str,
        state: SecretStr,
        complete: Callable[[AuthorizationCallback], Awaitable[SignedIn]] | None = None,
        *,
        account: str = "This account",
    ) -> None:
        self._uri = urlsplit(redirect_uri)
        self._state = state
        self._complete = complete
        self._account = account
        self._completion: asyncio.Task[SignedIn] | None = None
        self._runner: web.ServerRunner | None = None
        self._callback: asyncio.Future[AuthorizationCallback] | None = None

    async def __aenter__(self) -> Self:
        addresses = loopback_addresses(self._uri)
        self._callback = asyncio.get_running_loop().create_future()
        # No access log: the query contains the code.
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        try:
            for sock in listen(addresses, self._uri.port or 80):
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

    async def signed_in(self, *, timeout: float = 300.0) -> SignedIn:
        """Return the outcome of `complete`, or raise its error; raises those of `callback` as well."""
        callback = await self.callback(timeout=timeout)
        return await asyncio.shield(self._completing(callback))

    async def aclose(self) -> None:
        """Stop listening; safe to call twice."""
        if self._callback is not None:
            self._callback.cancel()
        if self._completion is not None:
            self._completion.cancel()
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
        if self._complete is not None:
            return await self._outcome(callback)
        if callback.error:
            return _page(400, "The sign-in failed", f"{callback.error}: {callback.error_description}")
        return _page(
            200,
            "Back to iacs",
            "You can close this window: iacs now checks the sign-in, and shows whether it succeeded.",
        )

    def _completing(self, callback: AuthorizationCallback) -> "asyncio.Task[SignedIn]":
        """Complete the sign-in once, also if the browser sends the callback again."""
        if self._complete is None:
            raise RuntimeError("the listener needs `complete` to complete a sign-in")
        if self._completion is None:
            self._completion = asyncio.ensure_future(self._complete(callback))
        return self._completion

    async def _outcome(self, callback: AuthorizationCallback) -> web.Response:
        try:
            signed_in = await asyncio.shield(self._completing(callback))
        except Exception as error:  # noqa: BLE001 - the program shows it; the browser must not show success
            outcome = outcome_of(error, self._account, is_operator=True)
            return _respond(outcome.status, notices.failed(outcome, is_operator=True, has_home=False))
        return _respond(200, notices.signed_in(signed_in, has_home=False))


def loopback_addresses(uri: SplitResult) -> tuple[str, ...]:
    """Return the addresses to listen on for a redirect URI; raise ConfigurationError if it is elsewhere."""
    addresses = _ADDRESSES.get(uri.hostname or "")
    if uri.scheme != "http" or addresses is None:
        raise ConfigurationError(
            ["AZURE_REDIRECT_URI is not an http:// address of this machine"],
            hint="use one such as http://localhost:8400/callback",
        )
    return addresses


def listen(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
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
    return _respond(status, notices.notice(title, paragraphs(text), kind="bad" if status >= 400 else ""))


def _respond(status: int, page: str) -> web.Response:
    return to_aiohttp(PageResponse(status, page, security_headers()))
