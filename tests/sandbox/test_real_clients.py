"""The stand-in cloud judged by the libraries of Microsoft, unpatched."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import azure.identity
import azure.identity.aio
import httpx
import msal  # type: ignore[import-untyped]
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
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
ERIN = "erin@fabrikam.example"
DEFAULT = "https://graph.microsoft.com/.default"
SCOPES = ["User.Read", "Mail.Read"]


def msal_client(cloud: Sandbox, credential: Any = None) -> Any:
    return msal.ConfidentialClientApplication(
        cloud.client_id,
        client_credential=credential or cloud.client_secret,
        authority=f"{cloud.authority_host}/{cloud.tenant_id}",
        verify=str(cloud.ca_file),  # pyright: ignore[reportArgumentType] -- requests takes a path too
        instance_discovery=False,
    )


def sign_in(cloud: Sandbox, client: Any, *, login_hint: str = ALICE, **options: Any) -> dict[str, Any]:
    flow = client.initiate_auth_code_flow(
        SCOPES, redirect_uri=REDIRECT, login_hint=login_hint, response_mode="form_post", **options
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
        tokens = client.acquire_token_for_client([DEFAULT])
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        paths = (f"users/{ALICE}", "users/bob@contoso.example", "me")
        urls = [f"{secure_cloud.graph_url}/{path}/messages" for path in paths]
        return [httpx.get(url, headers=headers, verify=trust).status_code for url in urls]

    assert await asyncio.to_thread(story) == [200, 403, 400]


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate and its key (PEM)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")]), datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.public_bytes(Encoding.PEM), encoded


async def test_msal_signs_in_the_application_and_a_person_with_a_certificate(
    secure_cloud: Sandbox, certificate: tuple[bytes, bytes]
) -> None:
    public, private = (pem.decode() for pem in certificate)
    secure_cloud.register_certificate(certificate[0])

    def story() -> None:
        client = msal_client(secure_cloud, {"private_key": private, "public_certificate": public})
        assert client.acquire_token_for_client([DEFAULT])["access_token"] in secure_cloud.issued
        tokens = sign_in(secure_cloud, client)
        assert tokens["id_token_claims"]["preferred_username"] == ALICE

    await asyncio.to_thread(story)


async def test_msal_reports_a_wrong_certificate_and_an_expired_secret(
    secure_cloud: Sandbox, certificate: tuple[bytes, bytes]
) -> None:
    public = certificate[0].decode()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secure_cloud.register_certificate(certificate[0])
    secure_cloud.expire_secret()

    def numbers(credential: Any) -> list[int]:
        answer = msal_client(secure_cloud, credential).acquire_token_for_client([DEFAULT])
        return list(answer["error_codes"])

    wrong = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert await asyncio.to_thread(numbers, {"private_key": wrong, "public_certificate": public}) == [700027]
    assert await asyncio.to_thread(numbers, None) == [7000222]


async def test_msal_reports_refusals_and_satisfies_their_claims(secure_cloud: Sandbox) -> None:
    claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

    def refused(client: Any, account: Any) -> dict[str, Any]:
        answer = client.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
        assert answer is not None
        return dict(answer)

    def story() -> None:
        client = msal_client(secure_cloud)
        sign_in(secure_cloud, client)
        (account,) = client.get_accounts()
        secure_cloud.refuse(ALICE, 50076, claims=claims)
        answer = refused(client, account)
        assert (answer["error"], answer["claims"]) == ("invalid_grant", claims)
        assert "error" not in sign_in(secure_cloud, client, claims_challenge=answer["claims"])
        again = client.acquire_token_silent(SCOPES, client.get_accounts()[0], force_refresh=True)
        assert again is not None

    await asyncio.to_thread(story)


async def test_msal_signs_in_people_of_other_directories(secure_cloud: Sandbox) -> None:
    fabrikam = secure_cloud.add_tenant("fabrikam.example", ERIN)
    secure_cloud.add_personal_account("dave@outlook.example")

    def story() -> None:
        client = msal.ConfidentialClientApplication(
            secure_cloud.client_id,
            client_credential=secure_cloud.client_secret,
            authority=f"{secure_cloud.authority_host}/common",
            verify=str(secure_cloud.ca_file),  # pyright: ignore[reportArgumentType]
            instance_discovery=False,
        )
        for address in (ERIN, "dave@outlook.example"):
            assert "error" not in sign_in(secure_cloud, client, login_hint=address)
        accounts = {account["username"]: account for account in client.get_accounts()}
        assert accounts[ERIN]["home_account_id"] == f"{secure_cloud.object_id(ERIN)}.{fabrikam}"
        for account in accounts.values():
            assert client.acquire_token_silent(SCOPES, account, force_refresh=True) is not None

    await asyncio.to_thread(story)


@pytest.mark.parametrize("kind", ["secret", "certificate"])
async def test_azure_identity_gets_an_application_token(
    secure_cloud: Sandbox, certificate: tuple[bytes, bytes], kind: str
) -> None:
    secure_cloud.register_certificate(certificate[0])
    options: dict[str, Any] = {
        "authority": secure_cloud.authority_host,
        "connection_verify": str(secure_cloud.ca_file),
        "disable_instance_discovery": True,
    }
    application = secure_cloud.tenant_id, secure_cloud.client_id

    def story() -> str:
        credential = (
            azure.identity.ClientSecretCredential(*application, secure_cloud.client_secret, **options)
            if kind == "secret"
            else azure.identity.CertificateCredential(
                *application, certificate_data=b"\n".join(certificate), **options
            )
        )
        with credential:
            return credential.get_token(DEFAULT).token

    assert await asyncio.to_thread(story) in secure_cloud.issued


async def test_azure_identity_says_that_a_secret_has_expired(secure_cloud: Sandbox) -> None:
    secure_cloud.expire_secret()
    credential = azure.identity.aio.ClientSecretCredential(
        secure_cloud.tenant_id,
        secure_cloud.client_id,
        secure_cloud.client_secret,
        authority=secure_cloud.authority_host,
        connection_verify=str(secure_cloud.ca_file),
    )
    async with credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
            await credential.get_token(DEFAULT)


class FixedToken:
    """A credential of azure-core with the token of a person who has signed in."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@asynccontextmanager
async def graph_client(cloud: Sandbox, person: str = "") -> AsyncIterator[GraphServiceClient]:
    """Microsoft's own client, for the application itself or for a person."""
    credential: Any = azure.identity.aio.ClientSecretCredential(
        cloud.tenant_id,
        cloud.client_id,
        cloud.client_secret,
        authority=cloud.authority_host,
        connection_verify=str(cloud.ca_file),
    )
    if person:
        credential = FixedToken(cloud.sign_in(person, scopes="Mail.Read Mail.Read.Shared")["access_token"])
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[DEFAULT], allowed_hosts=["127.0.0.1"])
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


@OWN_WARNINGS
async def test_msgraph_sdk_opens_shared_mailboxes_and_those_of_the_policy(secure_cloud: Sandbox) -> None:
    bob, carol = "bob@contoso.example", "carol@contoso.example"
    secure_cloud.grant_full_access(bob, to=ALICE)
    secure_cloud.limit_application(carol)

    async def count(graph: GraphServiceClient, address: str) -> int | str:
        try:
            page = await graph.users.by_user_id(address).messages.get()
        except ODataError as error:
            return error.error.code or "" if error.error else ""
        return len(page.value or []) if page else 0

    async with graph_client(secure_cloud, ALICE) as graph:
        assert [await count(graph, address) for address in (bob, carol)] == [6, "ErrorAccessDenied"]
        me = await graph.me.get()
        assert me is not None
        assert me.mail == ALICE
    async with graph_client(secure_cloud) as graph:
        assert [await count(graph, address) for address in (bob, carol)] == ["ErrorAccessDenied", 5]


@OWN_WARNINGS
async def test_msgraph_sdk_reads_when_the_secret_expires(secure_cloud: Sandbox) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    secure_cloud.expire_secret(at=at)
    async with graph_client(secure_cloud) as graph:
        application = await graph.applications_with_app_id(secure_cloud.client_id).get()
    assert application is not None
    assert [secret.end_date_time for secret in application.password_credentials or []] == [at]
