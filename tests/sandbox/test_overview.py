"""The page at `/`."""

import re

import aiohttp
import pytest

from iacs.sandbox import Sandbox
from tests.fixtures.browser import Tab, browser
from tests.fixtures.cloud import SAMPLES

__all__ = ["browser"]
ALICE, BOB = "alice@contoso.example", "bob@contoso.example"


async def page(cloud: Sandbox, session: aiohttp.ClientSession) -> str:
    async with session.get(f"{cloud.url}/") as answer:
        assert answer.status == 200
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


def section(text: str, title: str) -> str:
    """The text of a section, without tags."""
    inside = text.partition(f">{title}</h2>")[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inside))


async def use(cloud: Sandbox, session: aiohttp.ClientSession) -> None:
    """Some of everything that the page shows, with tokens in every part of a request."""
    cloud.add_tenant("fabrikam.example", "erin@fabrikam.example")
    cloud.invite("erin@fabrikam.example", cloud.tenant_id)
    cloud.refuse(BOB, 53003)
    cloud.grant_full_access(BOB, to=ALICE)
    tokens = cloud.sign_in(ALICE, scopes="offline_access Mail.Read")
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    form = {
        "grant_type": "refresh_token", "refresh_token": refresh, "client_id": cloud.client_id,
        "client_secret": cloud.client_secret,
    }  # fmt: skip
    await session.post(f"{cloud.url}/common/oauth2/v2.0/token", data=form)
    await session.get(f"{cloud.url}/{cloud.client_secret}/{refresh}?code={access}")
    headers = {"Authorization": f"Bearer {access}"}
    await session.get(f"{cloud.graph_url}/me/messages?token={access}", headers=headers)


async def test_it_shows_people_mailboxes_grants_and_requests(cloud: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        await use(cloud, session)
        text = await page(cloud, session)
    people = section(text, "People")
    assert "bob@contoso.example contoso.example AADSTS53003" in people
    assert "erin_fabrikam.example#EXT#@contoso.example contoso.example guest" in people
    assert "bob@contoso.example 6 Inbox 5, Sent Items 1 alice@contoso.example" in section(text, "Mailboxes")
    assert "alice@contoso.example Mail.Read offline_access 90 d left 1 h left" in section(text, "Grants")
    requests = section(text, "Last requests")
    assert "GET /v1.0/me/messages alice@contoso.example 200" in requests
    assert "POST /common/oauth2/v2.0/token refresh_token alice@contoso.example 200" in requests
    assert "GET /[secret]/[secret] 404" in requests


async def test_it_shows_no_token_and_no_secret(cloud: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        await use(cloud, session)
        await session.get(f"{cloud.url}/a/{'unknown-token' * 9}")
        text = await page(cloud, session)
    assert len(cloud.issued) >= 4
    assert not [secret for secret in (*cloud.issued, cloud.client_secret) if secret in text]
    assert "unknown-token" * 2 not in text
    assert [request.path for request in cloud.requests if request.path == "/"] == []


async def test_it_escapes_what_it_was_sent(cloud: Sandbox) -> None:
    cloud.change_username(ALICE, '"><script>alert(1)</script>')
    async with aiohttp.ClientSession() as session:
        await session.get(f"{cloud.url}/<b>x/y")
        await session.post(f"{cloud.url}/common/oauth2/v2.0/token", data={"grant_type": "<i>"})
        text = await page(cloud, session)
    for raw in ("<script", "<b>x", "<i>"):
        assert raw not in text
    assert "&lt;i&gt;" in text


async def test_it_says_what_is_missing() -> None:
    async with Sandbox({}) as cloud, aiohttp.ClientSession() as session:
        text = await page(cloud, session)
    for sentence in ("There is nobody.", "There are no mailboxes.", "Nobody has signed in."):
        assert sentence in text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
async def test_it_fits_a_phone_and_a_desktop(browser: Tab, width: int, dark: bool) -> None:
    async with Sandbox(SAMPLES) as cloud, aiohttp.ClientSession() as session:
        await use(cloud, session)
        await browser.show(f"{cloud.url}/", width=width, dark=dark)
        assert await browser.run("document.documentElement.scrollWidth <= innerWidth")
        ground = await browser.run("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(13, 17, 23)") == dark
        heading = await browser.run("getComputedStyle(document.querySelector('thead')).position")
        assert (heading == "absolute") == (width < 600)
    assert browser.problems == []
