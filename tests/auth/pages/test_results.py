"""What the page says at the end of a sign-in."""

import asyncio
from datetime import timedelta

import pytest

from iacs.core import clock
from iacs.core.exceptions import DatabaseError, KeyServiceError
from tests.auth.pages.conftest import Browser, Shown, Site
from tests.fixtures.sign_in import ALICE, BOB


async def begin(site: Site) -> Shown:
    return await site.browser.send(await site.operator(), "sign-in", account=ALICE)


async def test_a_person_signs_in(site: Site) -> None:
    page = await site.browser.follow(await begin(site))
    assert (page.status, page.title) == (200, "Signed in")
    assert "Alice signed in to <bdi>alice@contoso.example</bdi>" in page.text
    assert await site.identity.status(ALICE) == "active"
    listed = await site.browser.open(site.base)
    assert "Signed in</span>" in listed.text
    assert "Renewed <time" in listed.text


async def test_a_sign_in_is_completed_once(site: Site) -> None:
    page = await site.browser.follow(await begin(site))
    again = await site.browser.open(page.url)
    assert (again.status, again.title) == (409, "This sign-in was completed already")
    assert "alice@contoso.example was signed in" in again.text
    assert await site.identity.status(ALICE) == "active"


async def test_another_browser_does_not_complete_a_sign_in(site: Site) -> None:
    page = await site.browser.follow(await begin(site), allow_redirects=False)
    callback = page.headers["Location"]
    victim = Browser()
    async with victim.session:
        refused = await victim.open(callback)
    assert (refused.status, refused.title) == (403, "Another browser began this sign-in")
    assert await site.identity.status(ALICE) == "enrolled"
    assert (await site.browser.open(callback)).title == "Signed in"


async def test_a_forged_cookie_does_not_complete_a_sign_in(site: Site) -> None:
    page = await site.browser.follow(await begin(site), allow_redirects=False)
    names = [cookie.key for cookie in site.browser.session.cookie_jar if "sign-in" in cookie.key]
    for value in ("x", "e30=.", "e30=.00"):
        header = "; ".join(f"{name}={value}" for name in names)
        stranger = Browser()
        async with stranger.session:
            refused = await stranger.open(page.headers["Location"], headers={"Cookie": header})
        assert refused.title == "Another browser began this sign-in"


@pytest.mark.parametrize(
    ("error", "number", "status", "title"),
    [
        ("access_denied", 65004, 403, "Permission was declined"),
        ("consent_required", 65001, 403, "Permission is missing"),
        ("access_denied", 90094, 403, "Permission is missing"),
        ("temporarily_unavailable", 90033, 502, "Microsoft did not answer as expected"),
        ("invalid_request", 50011, 502, "This service is not set up correctly"),
        ("login_required", 53003, 403, "Microsoft refused the sign-in"),
    ],
)
async def test_a_refusal_of_microsoft_is_explained(
    site: Site, error: str, number: int, status: int, title: str
) -> None:
    site.identity.cloud.faults.entra(error, number=number, path="*/authorize", message="<b>Why</b>.")
    page = await site.browser.follow(await begin(site))
    assert (page.status, page.title) == (status, title)
    assert f"AADSTS{number}" in page.text or error == "temporarily_unavailable"
    assert "<b>" not in page.text
    assert await site.identity.status(ALICE) == "enrolled"


async def test_a_wrong_secret_is_not_the_person_s_fault(site: Site) -> None:
    site.identity.cloud.faults.entra("invalid_client", number=7000215, status=401)
    page = await site.browser.follow(await begin(site))
    assert (page.status, page.title) == (502, "This service is not set up correctly")
    assert "AADSTS7000215" in page.text
    assert "AZURE_CLIENT_SECRET" in page.text
    assert page.forms("sign-in") == []


async def test_another_person_is_named_and_can_choose_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    page = await site.browser.follow(await begin(site), hint=BOB)
    assert "sign-in refused" in caplog.text
    assert "error='wrong_person'" in caplog.text
    assert (page.status, page.title) == (403, "Wrong Microsoft account")
    assert f"You signed in as {BOB}. This sign-in is for {ALICE}, so it was refused." in page.text
    assert page.forms("sign-in")[0]["prompt"] == "select_account"
    again = await site.browser.send(page, "sign-in")
    assert "prompt=select_account" in again.text
    picked = await site.browser.pick(await site.browser.follow(again), ALICE)
    assert picked.title == "Signed in"


async def test_a_person_who_was_created_again_is_sent_to_the_administrator(site: Site) -> None:
    await site.browser.follow(await begin(site))
    site.identity.cloud.create_again(ALICE)
    page = await site.browser.follow(await begin(site))
    assert page.title == "Wrong Microsoft account"
    assert "somebody else with that name signed in" in page.text
    assert "iacs account relink" in page.text


async def test_a_sign_in_that_took_too_long_is_not_completed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await site.browser.follow(await begin(site), allow_redirects=False)
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    expired = await site.browser.open(page.headers["Location"])
    assert (expired.status, expired.title) == (400, "This sign-in has expired")
    assert await site.identity.status(ALICE) == "enrolled"


async def test_an_error_of_the_cloud_is_not_success(site: Site) -> None:
    begun = await begin(site)
    site.identity.cloud.faults.unavailable("*/token", status=503)
    page = await site.browser.follow(begun)
    assert (page.status, page.title) == (502, "Microsoft did not answer as expected")
    assert page.forms("sign-in") != []


async def test_the_inside_of_the_service_is_shown_to_operators_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_callback: object) -> None:
        raise DatabaseError("10.0.0.3 refuses connections")

    monkeypatch.setattr(site.identity.auth, "complete", fail)
    page = await site.browser.follow(await begin(site))
    assert (page.status, page.title) == (500, "Something went wrong here")
    assert "10.0.0.3" in page.text

    person = Browser()
    async with person.session:
        link = await person.open((await site.links.create(ALICE)).url)
        page = await person.follow(await person.send(link, "reconnect"))
    assert (page.status, page.title) == (500, "Something went wrong here")
    assert "10.0.0.3" not in page.text


async def test_a_sign_in_is_completed_by_reloading_once_the_key_service_is_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_callback: object) -> None:
        raise KeyServiceError("10.0.0.4 does not answer", hint="try again later")

    person = Browser()
    async with person.session:
        link = await person.open((await site.links.create(ALICE)).url)
        with monkeypatch.context() as patch:
            patch.setattr(site.identity.auth, "complete", fail)
            page = await person.follow(await person.send(link, "reconnect"))
        assert (page.status, page.title) == (503, "Part of this service is away")
        assert "10.0.0.4" not in page.text
        assert (await person.open(page.url)).title == "Signed in"


async def test_no_page_holds_a_secret(site: Site) -> None:
    shown = [await site.operator(), await begin(site)]
    shown.append(await site.browser.follow(shown[-1]))
    shown.append(await site.browser.open(site.base))
    assert site.identity.cloud.issued
    secrets = [*site.identity.cloud.issued, site.identity.cloud.client_secret]
    assert [secret for secret in secrets for page in shown if secret in page.text] == []


async def test_of_two_requests_at_once_one_completes_a_sign_in_and_neither_spoils_it(site: Site) -> None:
    page = await site.browser.follow(await begin(site), allow_redirects=False)
    callback = page.headers["Location"]
    pages = await asyncio.gather(site.browser.open(callback), site.browser.open(callback))
    assert sorted(page.title for page in pages) == ["Signed in", "This sign-in has expired"]
    assert (await site.browser.open(callback)).title == "This sign-in was completed already"
    assert await site.identity.status(ALICE) == "active"
