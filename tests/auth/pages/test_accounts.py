"""The accounts, as operators see them."""

import pytest

from tests.auth.pages.conftest import Browser, Site
from tests.fixtures.sign_in import ALICE, BOB


async def test_an_operator_opens_the_accounts_with_a_key_that_works_once(site: Site) -> None:
    url = site.server.operator_url
    page = await site.browser.open(url)
    assert (page.status, page.title, page.url) == (200, "Accounts", site.base)
    assert (await site.browser.open(site.base)).title == "Accounts"
    other = Browser()
    async with other.session:
        refused = await other.open(url)
        assert (refused.status, refused.title) == (403, "This address was used already")
        assert (await other.open(site.base)).title == "For operators only"
        assert (await other.open(site.server.operator_url)).title == "Accounts"


@pytest.mark.parametrize("key", ["", "x", "%00"])
async def test_a_wrong_key_opens_nothing(site: Site, key: str) -> None:
    assert (await site.browser.open(f"{site.base}?key={key}")).status == 403
    assert (await site.browser.open(site.base)).title == "For operators only"
    assert ALICE not in (await site.browser.open(site.base)).text


async def test_every_account_is_listed_with_its_state_and_what_can_be_done(site: Site) -> None:
    accounts = site.identity.accounts
    await site.identity.sign_in(BOB)
    await accounts.add("orders@contoso.example", access="shared", via=BOB)
    await accounts.add("archive@contoso.example", access="application")
    await accounts.add("gone@contoso.example")
    await accounts.disable("gone@contoso.example")
    await accounts.sign_in_required(site.identity.account_ids[BOB])
    page = await site.operator()
    assert "5 accounts, 1 needs a sign-in, 1 not signed in yet." in page.text
    assert page.text.index(BOB) < page.text.index(ALICE)
    for words in ("Sign-in required", "Disabled", f"opened by {BOB}", "Opened by the application itself"):
        assert words in page.text
    signs_in = {form["account"] for form in page.forms("sign-in")}
    assert {ALICE, BOB} <= signs_in
    assert not signs_in & {"orders@contoso.example", "archive@contoso.example", "gone@contoso.example"}


async def test_hostile_names_are_text(site: Site) -> None:
    await site.identity.accounts.add("a&b`$(x)@contoso.example", name='"><script>alert(1)</script>\u202e{x}')
    page = await site.operator()
    assert "<script" not in page.text
    assert "\u202e" not in page.text
    assert "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u202e{x}" in page.text
    assert "a&amp;b`$(x)@contoso.example" in page.text
    signed = await site.browser.send(page, "sign-in", account="a&b`$(x)@contoso.example")
    assert signed.title == "Continue to Microsoft"


async def test_signing_out_deletes_the_tokens(site: Site) -> None:
    await site.identity.sign_in(ALICE)
    page = await site.browser.send(await site.operator(), "sign-out", account=ALICE)
    assert page.title == "Signed out"
    assert site.identity.row(ALICE) is None


@pytest.mark.parametrize("action", ["sign-in", "sign-out", "link"])
async def test_a_form_needs_the_token_of_this_browser(site: Site, action: str) -> None:
    await site.identity.sign_in(ALICE)
    page = await site.operator()
    token = page.forms(action)[0]["token"]
    for changes in ({"token": ""}, {"token": token[:-1] + "!"}, {"token": "é"}):
        refused = await site.browser.send(page, action, **changes)
        assert (refused.status, refused.title) == (403, "Please try again")
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await site.browser.send(page, action, headers=elsewhere)).title == "Please try again"
    stranger = Browser()
    async with stranger.session:
        assert (await stranger.send(page, action)).title == "For operators only"
    assert site.identity.row(ALICE) is not None


async def test_an_account_that_is_not_enrolled_cannot_sign_in(site: Site) -> None:
    page = await site.browser.send(await site.operator(), "sign-in", account="nobody@contoso.example")
    assert (page.status, page.title) == (403, "This account cannot sign in")


async def test_every_page_loads_nothing_and_is_kept_nowhere(site: Site) -> None:
    pages = [await site.operator(), await site.browser.open(site.base + "unknown")]
    pages += [await site.browser.open(site.base + "?key=x"), await site.browser.open(site.base + "a/b")]
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert [page.status for page in pages] == [200, 404, 403, 404]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost", "localhost.evil.example"])
async def test_another_host_is_refused(site: Site, host: str) -> None:
    page = await site.browser.open(site.server.operator_url, headers={"Host": host})
    assert (page.status, page.title) == (421, "Another address")
    assert (await site.operator()).title == "Accounts"


async def test_cookies_are_for_the_server_alone(site: Site) -> None:
    page = await site.browser.open(site.server.operator_url, allow_redirects=False)
    (cookie,) = page.headers.getall("Set-Cookie")
    assert cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    listed = await site.browser.open(site.base)
    assert "; HttpOnly; SameSite=Lax" in listed.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("method", "page", "status"), [("PUT", "", 405), ("POST", "", 405), ("PUT", "x", 404)]
)
async def test_other_methods_are_refused(site: Site, method: str, page: str, status: int) -> None:
    async with site.browser.session.request(method, site.base + page) as response:
        assert response.status == status


async def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    page = await site.browser.send(await site.operator(), "sign-in", account="a" * 20_000)
    assert (page.status, page.title) == (413, "Too large")


async def test_of_many_accounts_some_are_shown_and_others_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'role="search"' not in (await site.operator()).text
    for number in range(12):
        await site.identity.accounts.add(f"person{number:02}@contoso.example", name=f"Person <{number}>")
    monkeypatch.setattr("iacs.auth.pages.account_list.MAX_SHOWN", 5)
    page = await site.browser.open(site.base)
    assert "14 accounts" in page.text
    assert "The first 5 of 14 are shown" in page.text
    assert len(page.forms("sign-in")) == 5
    result = await site.browser.open(f"{site.base}?search=CONTOSO+<11>")
    assert [form["account"] for form in result.forms("sign-in")] == ["person11@contoso.example"]
    assert 'value="CONTOSO &lt;11&gt;"' in result.text
    assert "1 found" in result.text
