"""Reconnect links, as the person who received one sees them."""

from datetime import timedelta

import pytest

from iacs.auth import ReconnectLinks
from iacs.core import clock
from iacs.core.exceptions import DatabaseError
from tests.auth.pages.conftest import Browser, Site
from tests.fixtures.sign_in import ALICE, BOB


async def test_a_person_signs_in_with_a_link_and_sees_this_account_alone(site: Site) -> None:
    link = await site.links.create(ALICE)
    page = await site.browser.open(link.url)
    assert (page.status, page.title) == (200, "Connect your mailbox")
    assert ALICE in page.text
    assert BOB not in page.text
    done = await site.browser.follow(await site.browser.send(page, "reconnect"))
    assert done.title == "Signed in"
    assert "You can close this window" in done.text
    assert await site.identity.status(ALICE) == "active"
    again = await site.browser.open(link.url)
    assert (again.status, again.title) == (410, "This link is no longer valid")


async def test_looking_at_a_link_does_not_use_it(site: Site) -> None:
    link = await site.links.create(ALICE)
    filter_of_the_mail_server = Browser()
    async with filter_of_the_mail_server.session:
        assert (await filter_of_the_mail_server.open(link.url)).status == 200
    page = await site.browser.open(link.url)
    assert (await site.browser.send(page, "reconnect")).title == "Continue to Microsoft"


async def test_a_link_belongs_to_the_first_browser_that_signs_in_with_it(site: Site) -> None:
    link = await site.links.create(ALICE)
    other = Browser()
    async with other.session:
        seen = await other.open(link.url)
        await site.browser.send(await site.browser.open(link.url), "reconnect")
        assert (await other.send(seen, "reconnect")).title == "This link is no longer valid"
        assert (await other.open(link.url)).title == "This link is no longer valid"


async def test_the_same_browser_may_try_again_until_it_succeeds(site: Site) -> None:
    page = await site.browser.open((await site.links.create(ALICE)).url)
    refused = await site.browser.follow(await site.browser.send(page, "reconnect"), hint=BOB)
    assert refused.title == "Wrong Microsoft account"
    again = await site.browser.send(refused, "reconnect")
    assert "prompt=select_account" in again.text
    picked = await site.browser.pick(await site.browser.follow(again), ALICE)
    assert picked.title == "Signed in"


async def test_a_link_expires(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    link = await site.links.create(ALICE, hours=1)
    seen = await site.browser.open(link.url)
    later = clock.now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await site.browser.open(link.url)).status == 410
    assert (await site.browser.send(seen, "reconnect")).status == 410


@pytest.mark.parametrize("secret", ["", "x", "%00", "a" * 5000])
async def test_an_unknown_link_is_refused(site: Site, secret: str) -> None:
    page = await site.browser.open(f"{site.base}reconnect?link={secret}")
    assert (page.status, page.title) == (410, "This link is no longer valid")


async def test_a_link_needs_the_token_of_its_browser(site: Site) -> None:
    page = await site.browser.open((await site.links.create(ALICE)).url)
    stranger = Browser()
    async with stranger.session:
        assert (await stranger.send(page, "reconnect")).title == "Please try again"
    assert (await site.browser.send(page, "reconnect")).title == "Continue to Microsoft"


async def test_an_operator_makes_a_link_on_the_page(site: Site) -> None:
    page = await site.browser.send(await site.operator(), "link", account=ALICE)
    assert page.title == "Reconnect link"
    url = page.text.partition("readonly>")[2].partition("<")[0]
    person = Browser()
    async with person.session:
        assert (await person.open(url)).title == "Connect your mailbox"


async def test_an_account_that_was_disabled_since_cannot_sign_in(site: Site) -> None:
    page = await site.browser.open((await site.links.create(ALICE)).url)
    await site.identity.accounts.disable(ALICE)
    refused = await site.browser.send(page, "reconnect")
    assert (refused.status, refused.title) == (403, "This account cannot sign in")


async def test_a_sign_in_succeeds_even_if_its_link_cannot_be_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: object, _secret: str) -> None:
        raise DatabaseError("database is locked")

    page = await site.browser.open((await site.links.create(ALICE)).url)
    monkeypatch.setattr(ReconnectLinks, "end", fail)
    done = await site.browser.follow(await site.browser.send(page, "reconnect"))
    assert done.title == "Signed in"
