"""The pages as people use them, in a real Chromium."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from iacs.auth.pages.server import PagesServer
from iacs.containers import ApplicationContainer
from iacs.core import clock
from iacs.core.encryption import Encryption
from iacs.runtime import Application
from iacs.sandbox import Sandbox
from tests.cli.conftest import free_port
from tests.fixtures.browser import Tab

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE, BOB = "alice@contoso.example", "bob@contoso.example"
DAVE = "dave@contoso.example"
"""Whom Microsoft does not know by this name: it asks who signs in."""


@dataclass
class Site:
    tab: Tab
    cloud: Sandbox
    container: ApplicationContainer
    server: PagesServer
    base: str

    async def operator(self) -> None:
        await self.tab.visit(self.server.operator_url, "Accounts")

    async def begin(self, email: str) -> None:
        """Press the button of an account, which must be the only thing with this name."""
        await self.operator()
        await self.tab.run(f"document.querySelector('{button(email)}').focus()")
        await self.tab.press("Enter")

    async def link(self, email: str) -> str:
        return (await self.container.auth().links().create(email)).url

    async def status(self, email: str) -> str:
        return str((await self.container.account().service().get(email)).status)


def button(email: str) -> str:
    return f'form[action=sign-in]:has(input[value="{email}"]) button'


@pytest_asyncio.fixture(loop_scope="module")
async def site(browser: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    redirect_uri = f"http://localhost:{free_port()}/callback"
    async with Sandbox({ALICE: [], BOB: []}) as cloud:
        settings = cloud.settings | {
            "AZURE_REDIRECT_URI": redirect_uri,
            "DATABASE_URL": f"sqlite:///{tmp_path}/iacs.db",
            "TOKEN_ENCRYPTION_KEY": Encryption.new_key(),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        container = ApplicationContainer()
        async with (
            Application(container),
            PagesServer(container.auth().pages(), redirect_uri) as server,
        ):
            for email in (ALICE, BOB, DAVE):
                await container.account().service().add(email)
            await browser.window(width=1280)
            await browser.call("Network.clearBrowserCookies")
            browser.problems.clear()
            yield Site(browser, cloud, container, server, redirect_uri.removesuffix("callback"))
            await browser.call("Page.navigate", url="about:blank")


async def text(tab: Tab) -> str:
    return str(await tab.run("document.body.innerText"))


async def test_a_person_signs_in_with_the_keyboard_alone(site: Site) -> None:
    await site.operator()
    tab = site.tab
    await tab.press("Tab")
    assert await tab.run("document.activeElement.textContent") == f"Sign in to {ALICE}"
    assert await tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await tab.press("Enter")
    await tab.shows("Signed in")
    assert f"Alice signed in to {ALICE}" in await text(tab)
    await tab.press("Tab")
    await tab.press("Enter")
    await tab.shows("Accounts")
    assert "Renewed" in await text(tab)
    assert await site.status(ALICE) == "active"
    assert tab.problems == []


async def test_what_is_rarely_needed_opens_with_the_keyboard(site: Site) -> None:
    await site.operator()
    tab = site.tab
    for _ in range(2):
        await tab.press("Tab")
    assert await tab.run("document.activeElement.textContent") == f"More for {ALICE}"
    await tab.press("Enter")
    await tab.press("Tab")
    assert await tab.run("document.activeElement.textContent") == f"Create a reconnect link for {ALICE}"
    await tab.press("Enter")
    await tab.shows("Reconnect link")
    url = await tab.run("document.querySelector('#url').value")
    await tab.call("Network.clearBrowserCookies")
    await tab.visit(url, "Connect your mailbox")
    assert BOB not in await text(tab)
    await tab.press("Tab")
    await tab.press("Enter")
    await tab.shows("Signed in")
    assert await site.status(ALICE) == "active"
    await tab.visit(url, "This link is no longer valid")
    await tab.visit(site.base, "For operators only")


async def test_refused_consent_is_explained_and_can_be_given_after_all(site: Site) -> None:
    site.cloud.faults.entra("access_denied", number=65004, path="*/authorize", times=1)
    await site.begin(ALICE)
    await site.tab.shows("Permission was declined")
    assert "AADSTS65004" in await text(site.tab)
    await site.tab.click("form[action=sign-in] button")
    await site.tab.shows("Signed in")


async def test_another_person_can_leave_it_to_the_right_one(site: Site) -> None:
    await site.begin(DAVE)
    await site.tab.shows("Pick an account")
    await site.tab.click("a[href*=bob]")
    await site.tab.shows("Wrong Microsoft account")
    assert f"You signed in as {BOB}. This sign-in is for {DAVE}, so it was refused." in await text(site.tab)
    await site.tab.click("form[action=sign-in] button")
    await site.tab.shows("Pick an account")
    assert await site.status(DAVE) == "enrolled"


async def test_a_wrong_secret_is_for_the_administrator(site: Site) -> None:
    site.cloud.faults.entra("invalid_client", number=7000215, status=401)
    await site.tab.visit(await site.link(ALICE), "Connect your mailbox")
    await site.tab.click("form button")
    await site.tab.shows("This service is not set up correctly")
    assert "AADSTS7000215" not in await text(site.tab)  # until it is opened
    await site.tab.click("summary")
    assert "AADSTS7000215" in await text(site.tab)


async def test_a_sign_in_that_took_too_long_starts_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.begin(DAVE)
    await site.tab.shows("Pick an account")
    with monkeypatch.context() as patch:
        later = clock.now() + timedelta(minutes=16)
        patch.setattr(clock, "now", lambda: later)
        await site.tab.click("a[href*=alice]")
        await site.tab.shows("This sign-in has expired")
    await site.tab.click("form[action=sign-in] button")
    await site.tab.shows("Pick an account")


async def test_a_reload_does_not_sign_in_twice(site: Site) -> None:
    await site.begin(ALICE)
    await site.tab.shows("Signed in")
    await site.tab.call("Page.reload")
    await site.tab.shows("This sign-in was completed already")
    assert "was signed in" in await text(site.tab)
    assert await site.status(ALICE) == "active"


async def test_a_callback_in_another_browser_signs_nobody_in(site: Site) -> None:
    await site.begin(DAVE)
    await site.tab.shows("Pick an account")
    await site.tab.call("Network.clearBrowserCookies")
    await site.tab.click("a[href*=alice]")
    await site.tab.shows("Another browser began this sign-in")
    assert await site.status(DAVE) == "enrolled"


async def test_an_error_of_the_cloud_can_be_tried_again(site: Site) -> None:
    site.cloud.faults.unavailable("*/token", times=10)
    await site.begin(ALICE)
    await site.tab.shows("Microsoft did not answer as expected")
    site.cloud.faults.clear()
    await site.tab.click("form[action=sign-in] button")
    await site.tab.shows("Signed in")


LOOKS = """
(() => {
  const light = color => color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
    .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [.2126, .7152, .0722][i], 0);
  const back = node => { for (; node; node = node.parentElement) {
    const color = getComputedStyle(node).backgroundColor; if (!color.endsWith(', 0)')) return color } };
  const pale = [...document.querySelectorAll('main *')].filter(node => node.textContent.trim()).filter(node => {
    const [a, b] = [light(getComputedStyle(node).color), light(back(node))].sort((a, b) => b - a);
    return (a + .05) / (b + .05) < 4.5 }).map(node => node.outerHTML);
  const names = [...document.querySelectorAll('button, summary')].map(node => node.textContent);
  const small = [...document.querySelectorAll('button')].filter(node => node.checkVisibility() &&
    node.getBoundingClientRect().height < 44).map(node => node.outerHTML);
  return {pale, twice: names.filter((name, i) => names.indexOf(name) != i), small,
    aside: document.documentElement.scrollWidth > innerWidth, dark: light(back(document.body)) < .2,
    headings: document.querySelectorAll('h1').length, language: document.documentElement.lang};
})()
"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
async def test_every_page_can_be_read(site: Site, width: int, dark: bool) -> None:
    accounts = site.container.account().service()
    await accounts.add(f"{'a-long-name-' * 12}@contoso.example", name='"><img src=x onerror=alert(1)>' * 5)
    await accounts.sign_in_required((await accounts.get(BOB)).id)
    for number in range(12):  # then there is a field to search in
        await accounts.add(f"person{number}@contoso.example")
    await site.tab.window(width=width, dark=dark)
    good = {
        "pale": [],
        "twice": [],
        "small": [],
        "aside": False,
        "dark": dark,
        "headings": 1,
        "language": "en",
    }
    pages = {
        site.server.operator_url: "Accounts",
        await site.link(ALICE): "Connect your mailbox",
        f"{site.base}reconnect?link=x": "This link is no longer valid",
        f"{site.base}callback?state=x": "Another browser began this sign-in",
    }
    for url, title in pages.items():
        await site.tab.visit(url, title)
        assert await site.tab.run(LOOKS) == good
    site.cloud.faults.entra("invalid_client", number=7000215, status=401)
    await site.begin(ALICE)
    await site.tab.shows("This service is not set up correctly")
    assert await site.tab.run(LOOKS) == good
