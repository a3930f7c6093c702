"""A server of the pages for `iacs auth serve`: on this machine, for whoever has its key."""

from collections.abc import Callable
from dataclasses import replace
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit

from aiohttp import web

from iacs.auth.loopback_listener import listen, loopback_addresses
from iacs.auth.pages.browser import Cookies
from iacs.auth.pages.markup import security_headers
from iacs.auth.pages.messages import PageRequest, PageResponse
from iacs.auth.pages.notices import problem
from iacs.auth.pages.on_aiohttp import read_request, to_aiohttp
from iacs.auth.pages.operators import Operators
from iacs.auth.pages.refusals import key_refused, not_found
from iacs.auth.pages.sign_in_pages import SignInPages
from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.exceptions import ConfigurationError

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class PagesServer(AsyncClosing):
    """A server of the pages at `redirect_uri`, or at a `port` of `host` behind a reverse proxy.

    An operator is whoever opens `operator_url`, once, in the browser in which that was done; then there is a new
    one, which `on_new_url` is called with. Only requests to the host of `redirect_uri` are answered, since another name
    that leads to this machine belongs to somebody else's page (DNS rebinding).
    """

    def __init__(
        self,
        pages: SignInPages,
        redirect_uri: str,
        *,
        port: int | None = None,
        host: str = "",
        on_new_url: Callable[[str], None] = lambda _url: None,
    ) -> None:
        self._pages = pages
        self._uri = urlsplit(redirect_uri)
        self._base = urljoin(redirect_uri, ".")
        self._port = port
        self._host = host
        self._on_new_url = on_new_url
        self._operators = Operators()
        self._cookies = Cookies(secure=self._uri.scheme == "https")
        self._names = _names(self._uri, port)
        self._runner: web.ServerRunner | None = None
        self.operator_url = self._new_url()

    async def __aenter__(self) -> Self:
        addresses = self._addresses()
        # No access log: queries contain codes, keys and links.
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        try:
            for sock in listen(addresses, self._port or self._uri.port or 80):
                await web.SockSite(self._runner, sock).start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def aclose(self) -> None:
        """Stop listening; safe to call twice."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _addresses(self) -> tuple[str, ...]:
        if self._host or self._port is not None:
            return (self._host or "127.0.0.1",)
        try:
            return loopback_addresses(self._uri)
        except ConfigurationError as error:
            hint = f"{error.hint}; or choose a --port for the reverse proxy that serves this address"
            raise ConfigurationError(error.problems, hint=hint) from None

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        page = self._page(request.path)
        if request.host.lower() not in self._names:
            text = f"These pages are at {self._base} only."
            return _secured(PageResponse(421, problem("Another address", text)))
        if page is None:
            return _secured(not_found())
        page_request = await read_request(request, page, is_operator=False)
        if page == "" and request.method == "GET" and "key" in page_request.query:
            return _secured(self._signed_in(page_request))
        is_operator = self._operators.is_session(page_request.cookies.get(self._cookies.name("operator"), ""))
        return to_aiohttp(await self._pages.answer(replace(page_request, is_operator=is_operator)))

    def _page(self, path: str) -> str | None:
        """Return the name of the page at a path; a reverse proxy may have removed the prefix of the pages."""
        for prefix in (urlsplit(self._base).path, "/"):
            page = path.removeprefix(prefix)
            if path.startswith(prefix) and "/" not in page:
                return page
        return None

    def _signed_in(self, request: PageRequest) -> PageResponse:
        """Exchange the key for a session, and lead to the address without the key."""
        session = self._operators.open_session(request.query["key"])
        if session is None:
            return key_refused()
        self.operator_url = self._new_url()
        self._on_new_url(self.operator_url)
        cookie = self._cookies.header("operator", session, seconds=self._operators.seconds)
        return PageResponse(303, "", (cookie, ("Location", "./")))

    def _new_url(self) -> str:
        return f"{self._base}?key={self._operators.new_key()}"


def _secured(response: PageResponse) -> web.Response:
    return to_aiohttp(response.after(*security_headers()))


def _names(uri: SplitResult, port: int | None) -> frozenset[str]:
    """Return the hosts that requests may name: a reverse proxy may pass on its own, or write that of this server."""
    host = uri.netloc.lower()
    names = {host, host.removesuffix(_DEFAULT_PORTS[uri.scheme])}
    if port is not None:
        names |= {f"127.0.0.1:{port}", f"localhost:{port}"}
    return frozenset(names)
