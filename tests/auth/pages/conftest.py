"""The pages on a real server, and a browser without a window that keeps cookies and follows what a page says."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from iacs.auth import ReconnectLinks
from iacs.auth.pages import SignInPages
from iacs.auth.pages.server import PagesServer
from iacs.core.logger import create_logger
from tests.cli.conftest import free_port
from tests.fixtures.sign_in import Identity

FORM = re.compile(r'<form method="post" action="(?P<action>[^"]*)">(?P<fields>.*?)<button', re.DOTALL)
FIELD = re.compile(r'name="([^"]*)" value="([^"]*)"')


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what the pages store is tested on both databases by itself."""
    return f"sqlite:///{tmp_path}/iacs.db"


@dataclass
class Shown:
    """A page that a browser shows."""

    url: str
    status: int
    text: str
    headers: Any = field(repr=False)

    @property
    def title(self) -> str:
        match = re.search(r"<title>(.*?)</title>", self.text)
        assert match, self.text
        return unescape(match[1])

    def forms(self, action: str) -> list[dict[str, str]]:
        """Return the fields of each form with this action."""
        return [
            {name: unescape(value) for name, value in FIELD.findall(form["fields"])}
            for form in FORM.finditer(self.text)
            if form["action"] == action
        ]


class Browser:
    """Cookies of its own, and nothing else."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def open(self, url: str, **options: Any) -> Shown:
        async with self.session.get(url, **options) as response:
            return Shown(str(response.url), response.status, await response.text(), response.headers)

    async def send(self, page: Shown, action: str, *, headers: Any = None, **changes: str) -> Shown:
        """Send the first form of a page that has these fields, with changes."""
        url = URL(page.url).join(URL(action))
        forms = page.forms(action)
        wanted = [form for form in forms if changes.get("account") in (None, form.get("account"))] or forms
        fields = (wanted[0] if wanted else {}) | changes
        async with self.session.post(url, data=fields, headers=headers) as response:
            return Shown(str(response.url), response.status, await response.text(), response.headers)

    async def follow(self, page: Shown, *, hint: str = "", **options: Any) -> Shown:
        """Go where a page leads at once; `hint` is who signs in there instead."""
        match = re.search(r'http-equiv="refresh" content="0; url=([^"]*)"', page.text)
        assert match, page.text
        url = unescape(match[1])
        if hint:
            url = re.sub(r"login_hint=[^&]*", f"login_hint={hint}", url)
        return await self.open(url, **options)

    async def pick(self, page: Shown, person: str) -> Shown:
        """Choose an account on Microsoft's page."""
        assert page.title == "Pick an account"
        links = [unescape(link) for link in re.findall(r'href="([^"]*)"', page.text)]
        (link,) = [link for link in links if f"login_hint={person.replace('@', '%40')}" in link]
        return await self.open(str(URL(page.url).join(URL(link, encoded=True))))


@dataclass
class Site:
    """A running server, its parts, and a browser."""

    identity: Identity
    links: ReconnectLinks
    server: PagesServer
    base: str
    browser: Browser

    async def operator(self) -> Shown:
        """Open the accounts as an operator does."""
        return await self.browser.open(self.server.operator_url)


@pytest.fixture
async def site(identity: Identity) -> AsyncIterator[Site]:
    redirect_uri = f"http://localhost:{free_port()}/callback"
    identity.oauth_client.redirect_uri = redirect_uri
    pages, links = pages_of(identity, redirect_uri)
    browser = Browser()
    async with PagesServer(pages, redirect_uri) as server, browser.session:
        yield Site(identity, links, server, redirect_uri.removesuffix("callback"), browser)


def pages_of(identity: Identity, redirect_uri: str) -> tuple[SignInPages, ReconnectLinks]:
    logger = create_logger("iacs.test")
    links = ReconnectLinks(identity.database, identity.accounts, redirect_uri=redirect_uri, logger=logger)
    pages = SignInPages(
        identity.auth,
        links,
        identity.accounts,
        identity.token_service,
        redirect_uri=redirect_uri,
        logger=logger,
    )
    return pages, links
