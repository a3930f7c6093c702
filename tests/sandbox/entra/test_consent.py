"""Consent to permissions, by a person for themselves and by an administrator for everybody."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from tests.sandbox.entra.conftest import ALICE, REDIRECT, Client

BOB = "bob@contoso.example"
GRAPH = "https://graph.microsoft.com"


def sent_back(response: aiohttp.ClientResponse) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


async def follow(client: Client, page: aiohttp.ClientResponse, label: str) -> aiohttp.ClientResponse:
    """Use a link of a page."""
    href = re.findall(rf'href="([^"]*)">{label}', await page.text())[0]
    return await client.session.get(client.cloud.url + html.unescape(href), allow_redirects=False)


async def ask_administrator(
    client: Client, path: str = "adminconsent", **query: str
) -> aiohttp.ClientResponse:
    url = f"{client.cloud.url}/{client.cloud.tenant_id}/{path}"
    defaults = {"client_id": client.cloud.client_id, "redirect_uri": REDIRECT, "state": "s"}
    return await client.session.get(url, params=defaults | query, allow_redirects=False)


async def application_status(client: Client) -> int:
    form = {"grant_type": "client_credentials", "scope": f"{GRAPH}/.default"}
    token = (await client.token(**form))[1]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with client.session.get(
        f"{client.cloud.graph_url}/users/{BOB}/messages", headers=headers
    ) as answer:
        return answer.status


async def test_a_sign_in_asks_for_consent_once(client: Client) -> None:
    client.cloud.require_consent()
    page = await client.authorize()
    assert page.status == 200
    assert "<li>Mail.Read</li>" in await page.text()
    accepted = await follow(client, page, "Accept")
    assert (await client.redeem(sent_back(accepted)["code"]))[0] == 200
    assert "code" in sent_back(await client.authorize())


async def test_consent_may_be_refused(client: Client) -> None:
    client.cloud.require_consent()
    refused = sent_back(await follow(client, await client.authorize(), "Cancel"))
    assert (refused["error"], refused["state"]) == ("access_denied", "s")
    assert refused["error_description"].startswith("AADSTS65004: ")
    assert (await client.authorize()).status == 200


async def test_a_silent_sign_in_cannot_ask_for_consent(client: Client) -> None:
    client.cloud.require_consent()
    refused = sent_back(await client.authorize(prompt="none"))
    assert refused["error"] == "interaction_required"
    assert refused["error_description"].startswith("AADSTS65001: ")


async def test_a_renewal_with_another_scope_needs_consent_to_it(client: Client) -> None:
    client.cloud.require_consent()
    client.cloud.consent(ALICE, "Mail.Read")
    _, tokens = await client.redeem(await client.code())
    status, body = await client.refresh(tokens["refresh_token"], scope=f"{GRAPH}/Mail.Read Mail.Read.Shared")
    assert (status, body["error"], body["suberror"]) == (400, "invalid_grant", "consent_required")
    assert body["error_codes"] == [65001]
    assert (await client.refresh(tokens["refresh_token"], scope=f"{GRAPH}/Mail.Read"))[0] == 200
    client.cloud.consent(ALICE, f"{GRAPH}/Mail.Read.Shared")
    assert (await client.refresh(tokens["refresh_token"], scope="Mail.Read Mail.Read.Shared"))[0] == 200


async def test_some_permissions_need_an_administrator(client: Client) -> None:
    client.cloud.require_consent(administrator_only=["Mail.Read"])
    page = await client.authorize(decision="accept")
    assert "Need admin approval" in await page.text()
    refused = sent_back(await follow(client, page, "Return"))
    assert refused["error_description"].startswith("AADSTS90094: ")
    client.cloud.consent_for_all("Mail.Read")
    assert "code" in sent_back(await client.authorize())


@pytest.mark.parametrize("path", ["adminconsent", "v2.0/adminconsent"])
async def test_an_administrator_consents_for_everybody_and_for_the_application(
    client: Client, path: str
) -> None:
    client.cloud.require_consent()
    assert await application_status(client) == 403
    page = await ask_administrator(client, path, scope=f"{GRAPH}/Mail.Read {GRAPH}/.default")
    answer = sent_back(await follow(client, page, "Accept"))
    assert answer == {
        "admin_consent": "True", "tenant": client.cloud.tenant_id, "scope": f"{GRAPH}/Mail.Read", "state": "s",
    }  # fmt: skip
    assert await application_status(client) == 200
    for person in (ALICE, BOB):
        assert "code" in sent_back(await client.authorize(login_hint=person))


async def test_an_administrator_may_refuse(client: Client) -> None:
    client.cloud.require_consent()
    answer = sent_back(await follow(client, await ask_administrator(client), "Cancel"))
    assert (answer["admin_consent"], answer["error"], answer["state"]) == ("True", "consent_required", "s")
    assert answer["error_description"].startswith("AADSTS65004: ")
    assert await application_status(client) == 403


@pytest.mark.parametrize("changes", [{"client_id": "another"}, {"redirect_uri": "https://evil.example/"}])
async def test_the_administrator_is_sent_to_no_other_application(
    client: Client, changes: dict[str, str]
) -> None:
    answer = await ask_administrator(client, decision="accept", **changes)
    assert answer.status == 400
    assert "Location" not in answer.headers
