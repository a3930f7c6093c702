"""The stand-in cloud judged by the libraries of Microsoft, unpatched."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import azure.identity
import azure.identity.aio
import httpx
import msal  # type: ignore[import-untyped]
import pytest
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]
from msgraph_core.authentication import (  # type: ignore[import-untyped]
    AzureIdentityAuthenticationProvider,
)

from iacs.sandbox import Sandbox

ALICE = "alice@contoso.example"
REDIRECT = "http://localhost:8400/callback"
OWN_WARNINGS = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:(msgraph|kiota_abstractions)\..*")
SCOPES = ["User.Read", "Mail.Read"]


def msal_client(cloud: Sandbox) -> Any:
    return msal.ConfidentialClientApplication(
        cloud.client_id,
        client_credential=cloud.client_secret,
        authority=f"{cloud.authority_host}/{cloud.tenant_id}",
        verify=str(cloud.ca_file),  # pyright: ignore[reportArgumentType] -- requests takes a path too
        instance_discovery=False,
    )


def sign_in(cloud: Sandbox, client: Any) -> dict[str, Any]:
    flow = client.initiate_auth_code_flow(
        SCOPES, redirect_uri=REDIRECT, login_hint=ALICE, response_mode="form_post"
    )
    answer = httpx.get(flow["auth_uri"], verify=ssl.create_default_context(cafile=str(cloud.ca_file)))
    assert f'action="{REDIRECT}"' in answer.text
    sent_back = dict(re.findall(r'type=hidden name="([^"]*)" value="([^"]*)"', answer.text))
    tokens: dict[str, Any] = client.acquire_token_by_auth_code_flow(flow, sent_back)
    return tokens


async def test_msal_signs_in_by_authorization_code_and_refreshes(secure_cloud: Sandbox) -> None:
    def story() -> None:
        client = msal_client(secure_cloud)
        tokens = sign_in(secure_cloud, client)
        assert "error" not in tokens
        assert tokens["id_token_claims"]["preferred_username"] == ALICE
        (account,) = client.get_accounts()
        assert account["username"] == ALICE
        fresh = client.acquire_token_silent(SCOPES, account, force_refresh=True)
        assert fresh is not None
        assert fresh["token_source"] == "identity_provider"
        assert fresh["access_token"] != tokens["access_token"]

    await asyncio.to_thread(story)


async def test_msal_signs_in_by_device_code(secure_cloud: Sandbox) -> None:
    secure_cloud.behaviour.device_code_interval = 1

    def story() -> None:
        client = msal.PublicClientApplication(
            secure_cloud.client_id,
            authority=f"{secure_cloud.authority_host}/{secure_cloud.tenant_id}",
            verify=str(secure_cloud.ca_file),
            instance_discovery=False,
        )
        flow = client.initiate_device_flow(SCOPES)
        entered = httpx.get(
            flow["verification_uri"],
            params={"otc": flow["user_code"], "login_hint": ALICE},
            verify=ssl.create_default_context(cafile=str(secure_cloud.ca_file)),
        )
        assert entered.status_code == 200
        tokens = client.acquire_token_by_device_flow(flow)
        assert tokens["id_token_claims"]["preferred_username"] == ALICE
        (account,) = client.get_accounts()
        assert client.acquire_token_silent(SCOPES, account, force_refresh=True) is not None

    await asyncio.to_thread(story)


async def test_msal_gets_an_application_token_that_opens_the_mailboxes_of_the_policy(
    secure_cloud: Sandbox,
) -> None:
    secure_cloud.limit_application(ALICE)
    trust = ssl.create_default_context(cafile=str(secure_cloud.ca_file))

    def story() -> list[int]:
        client = msal_client(secure_cloud)
        tokens = client.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        paths = (f"users/{ALICE}", "users/bob@contoso.example", "me")
        urls = [f"{secure_cloud.graph_url}/{path}/messages" for path in paths]
        return [httpx.get(url, headers=headers, verify=trust).status_code for url in urls]

    assert await asyncio.to_thread(story) == [200, 403, 400]


async def test_azure_identity_gets_an_application_token(secure_cloud: Sandbox) -> None:
    def story() -> str:
        credential = azure.identity.ClientSecretCredential(
            secure_cloud.tenant_id,
            secure_cloud.client_id,
            secure_cloud.client_secret,
            authority=secure_cloud.authority_host,
            connection_verify=str(secure_cloud.ca_file),
            disable_instance_discovery=True,
        )
        with credential:
            return credential.get_token("https://graph.microsoft.com/.default").token

    assert await asyncio.to_thread(story) in secure_cloud.issued


@asynccontextmanager
async def graph_client(cloud: Sandbox) -> AsyncIterator[GraphServiceClient]:
    credential = azure.identity.aio.ClientSecretCredential(
        cloud.tenant_id,
        cloud.client_id,
        cloud.client_secret,
        authority=cloud.authority_host,
        connection_verify=str(cloud.ca_file),
    )
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=["https://graph.microsoft.com/.default"], allowed_hosts=["127.0.0.1"]
    )
    trust = ssl.create_default_context(cafile=str(cloud.ca_file))
    transport = httpx.AsyncHTTPTransport(verify=trust)  # closed here: the SDK's pipeline forgets to
    async with credential, transport, httpx.AsyncClient(transport=transport) as plain:
        client = GraphClientFactory.create_with_default_middleware(client=plain, options=options)
        adapter = GraphRequestAdapter(provider, client=client)
        adapter.base_url = cloud.graph_url
        yield GraphServiceClient(request_adapter=adapter)


@OWN_WARNINGS
@pytest.mark.parametrize("address", ["alice@contoso.example", "bob@contoso.example", "carol@contoso.example"])
async def test_msgraph_sdk_reads_every_message(secure_cloud: Sandbox, address: str) -> None:
    expected = {message.mutable_id: message for message in secure_cloud.mailbox(address).messages}
    seen: dict[str | None, Any] = {}
    async with graph_client(secure_cloud) as graph:
        builder = graph.users.by_user_id(address).messages
        page = await builder.get()
        while page is not None:
            seen |= {message.id: message for message in page.value or []}
            page = await builder.with_url(page.odata_next_link).get() if page.odata_next_link else None
        for key, message in expected.items():
            assert await builder.by_message_id(key).content.get() == message.raw
    assert seen.keys() == expected.keys()
    for key, message in expected.items():
        assert seen[key].subject == message.get("subject")
        assert (seen[key].sent_date_time is None) == (message.get("sentDateTime") is None)


@OWN_WARNINGS
async def test_msgraph_sdk_follows_folders_and_their_changes(secure_cloud: Sandbox) -> None:
    async with graph_client(secure_cloud) as graph:
        user = graph.users.by_user_id(ALICE)
        folders = await user.mail_folders.get()
        assert folders is not None
        inbox = next(folder for folder in folders.value or [] if folder.display_name == "Inbox")
        delta = user.mail_folders.by_mail_folder_id(inbox.id or "").messages.delta
        page, count = await delta.get(), 0
        while page is not None and page.odata_next_link:
            count += len(page.value or [])
            page = await delta.with_url(page.odata_next_link).get()
        assert page is not None
        count += len(page.value or [])
        assert count == inbox.total_item_count == 12
        later = await delta.with_url(page.odata_delta_link or "").get()
        assert later is not None
        assert later.value == []
