"""Several directories: their people, guests, personal accounts, and who may use the application."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from iacs.sandbox import Sandbox
from tests.sandbox.entra.conftest import ALICE, Client

ERIN = "erin@fabrikam.example"
DAVE = "dave@outlook.example"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"


@pytest.fixture
def fabrikam(cloud: Sandbox) -> str:
    """A second directory: Erin, somebody with Alice's address, and a personal account beside it."""
    cloud.add_personal_account(DAVE)
    return cloud.add_tenant("fabrikam.example", ERIN, ALICE)


async def sign_in(client: Client, address: str, tenant: str = "common") -> dict[str, Any]:
    """Sign in at an authority; return the claims and the tokens, or the error of the redirect."""
    url = f"{client.cloud.url}/{tenant}/oauth2/v2.0/authorize"
    response = await client.authorize(url=url, login_hint=address)
    fields = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    if "error" in fields:
        return fields
    status, tokens = await client.redeem(fields["code"])
    assert status == 200, tokens
    unverified = {"verify_signature": False}
    return tokens | jwt.decode(tokens["id_token"], options=unverified)  # type: ignore[arg-type]


async def graph(client: Client, token: str, path: str = "me") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with client.session.get(f"{client.cloud.graph_url}/{path}", headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("authority", ["common", "organizations", "fabrikam.example"])
async def test_people_sign_in_at_their_own_tenant(client: Client, fabrikam: str, authority: str) -> None:
    signed_in = await sign_in(client, ERIN, authority)
    assert (signed_in["tid"], signed_in["preferred_username"]) == (fabrikam, ERIN)
    assert signed_in["iss"] == f"{client.cloud.url}/{fabrikam}/v2.0"
    claims = jwt.decode(signed_in["access_token"], options={"verify_signature": False})
    assert (claims["tid"], claims["iss"]) == (fabrikam, f"https://sts.windows.net/{fabrikam}/")
    assert (await graph(client, signed_in["access_token"]))[1]["mail"] == ERIN


async def test_an_address_may_exist_in_two_directories(client: Client, fabrikam: str) -> None:
    ours, theirs = [await sign_in(client, ALICE, tenant) for tenant in ("common", fabrikam)]
    assert (ours["tid"], theirs["tid"]) == (client.cloud.tenant_id, fabrikam)
    assert ours["oid"] != theirs["oid"]
    assert ours["preferred_username"] == theirs["preferred_username"]


async def test_metadata_and_keys_name_the_tenant_of_the_path(client: Client, fabrikam: str) -> None:
    for authority, expected in (("fabrikam.example", fabrikam), ("consumers", PERSONAL)):
        base = f"{client.cloud.url}/{authority}"
        metadata = await (await client.session.get(f"{base}/v2.0/.well-known/openid-configuration")).json()
        keys = await (await client.session.get(f"{base}/discovery/v2.0/keys")).json()
        assert metadata["issuer"] == keys["keys"][0]["issuer"] == f"{client.cloud.url}/{expected}/v2.0"


@pytest.mark.parametrize("authority", ["common", "consumers"])
async def test_a_personal_account_has_no_organization(client: Client, fabrikam: str, authority: str) -> None:
    signed_in = await sign_in(client, DAVE, authority)
    assert signed_in["tid"] == PERSONAL
    assert signed_in["access_token"].count(".") == 0
    assert (await graph(client, signed_in["access_token"]))[1]["mail"] is None
    for elsewhere in ("organizations", fabrikam):
        assert "AADSTS50020" in (await sign_in(client, DAVE, elsewhere))["error_description"]


async def test_strangers_do_not_sign_in_at_a_tenant_but_guests_do(client: Client, fabrikam: str) -> None:
    assert "AADSTS50020" in (await sign_in(client, ERIN, client.cloud.tenant_id))["error_description"]
    client.cloud.invite(ERIN, client.cloud.tenant_id)
    guest, member = [await sign_in(client, ERIN, tenant) for tenant in (client.cloud.tenant_id, "common")]
    assert (guest["tid"], member["tid"]) == (client.cloud.tenant_id, fabrikam)
    assert guest["oid"] != member["oid"]
    status, profile = await graph(client, guest["access_token"])
    assert profile["userPrincipalName"] == "erin_fabrikam.example#EXT#@contoso.example"
    status, body = await graph(client, guest["access_token"], "me/messages")
    assert (status, body["error"]["code"]) == (404, "MailboxNotEnabledForRESTAPI")
    assert ERIN in client.cloud.addresses
    assert client.cloud.addresses.count(ERIN) == 1


async def test_a_refresh_token_gives_tokens_of_a_tenant_where_the_person_is_a_guest(
    client: Client, fabrikam: str
) -> None:
    token = (await sign_in(client, ERIN))["refresh_token"]
    assert (await client.refresh(token, tenant=client.cloud.tenant_id))[1]["error_codes"] == [50020]
    client.cloud.invite(ERIN, client.cloud.tenant_id)
    for tenant in (fabrikam, client.cloud.tenant_id):
        _, tokens = await client.refresh(token, tenant=tenant)
        claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert claims["tid"] == tenant


@pytest.mark.parametrize(
    ("audience", "authority", "address", "number"),
    [
        ("AzureADMyOrg", "common", ALICE, "50194"),
        ("AzureADMyOrg", "fabrikam.example", ERIN, "700016"),
        ("AzureADMyOrg", "contoso.example", ERIN, "50020"),
        ("AzureADMyOrg", "contoso.example", ALICE, ""),
        ("AzureADMultipleOrgs", "common", ERIN, ""),
        ("AzureADMultipleOrgs", "common", DAVE, "50020"),
        ("AzureADMultipleOrgs", "consumers", DAVE, "700016"),
    ],
)
async def test_the_registration_decides_who_may_use_it(
    client: Client, fabrikam: str, audience: Any, authority: str, address: str, number: str
) -> None:
    client.cloud.limit_audience(audience)
    signed_in = await sign_in(client, address, authority)
    if number:
        assert f"AADSTS{number}: " in signed_in["error_description"]
    else:
        assert signed_in["tid"] in (client.cloud.tenant_id, fabrikam)


async def test_an_application_needs_the_consent_of_another_tenants_administrator(
    client: Client, fabrikam: str
) -> None:
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    client.cloud.require_consent()
    assert (await client.token(tenant=fabrikam, **form))[1]["error_codes"] == [700016]
    client.cloud.consent_for_all("Mail.Read", tenant_id=fabrikam)
    _, tokens = await client.token(tenant=fabrikam, **form)
    assert (await graph(client, tokens["access_token"], f"users/{ERIN}/messages"))[0] == 200
    assert (await graph(client, tokens["access_token"], "users/bob@contoso.example"))[0] == 404


async def test_a_person_may_move_to_another_tenant_and_get_another_address(
    client: Client, fabrikam: str
) -> None:
    bob = "bob@contoso.example"
    before = client.cloud.object_id(bob)
    client.cloud.change_address(bob, "robert@contoso.example")
    assert client.cloud.object_id(bob) == client.cloud.object_id("robert@contoso.example") == before
    signed_in = await sign_in(client, "robert@contoso.example")
    _, profile = await graph(client, signed_in["access_token"], "me?$select=mail,proxyAddresses")
    assert profile["proxyAddresses"] == ["SMTP:robert@contoso.example", f"smtp:{bob}"]
    client.cloud.create_again(bob, tenant_id=fabrikam)
    assert (await client.refresh(signed_in["refresh_token"]))[1]["error_codes"] == [50173]
    assert (await sign_in(client, bob))["tid"] == fabrikam
    assert client.cloud.mailbox(bob).messages


async def test_an_id_token_may_have_other_claims(client: Client) -> None:
    client.cloud.change_claims(ALICE, {"preferred_username": ..., "email": "ceo@fabrikam.example"})
    signed_in = await sign_in(client, ALICE)
    assert "preferred_username" not in signed_in
    assert signed_in["email"] == "ceo@fabrikam.example"
