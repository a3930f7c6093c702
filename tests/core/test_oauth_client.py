import asyncio
import base64
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from iacs.core.exceptions import (
    APIConnectionError,
    ConfigurationError,
    MalformedResponseError,
    OperatorRequiredError,
    SignInRequiredError,
)
from iacs.core.oauth_client import OAuthClient, TokenSet
from tests.fixtures.identity import CLIENT_ID, OTHER_GUID, TENANT_ID, Answer, ScriptedEntra, grant

CP1 = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
SECRET = "a+secret/with=signs&more"


async def url_of(client: OAuthClient, **changes: Any) -> str:
    values = {"state": "s", "nonce": "n", "code_challenge": "c", "login_hint": "alice@contoso.example"}
    return await client.authorization_url(**(values | changes))


async def exchange(client: OAuthClient) -> TokenSet:
    return await client.exchange_code(
        SecretStr("the-code"),
        code_verifier=SecretStr("the-verifier"),
        redirect_uri="http://localhost:8400/callback",
    )


async def test_the_authorization_url_asks_for_a_code_with_pkce(entra: ScriptedEntra) -> None:
    url = await url_of(entra.client())
    assert url.startswith(entra.metadata["authorization_endpoint"] + "?")
    assert {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} == {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "response_mode": "query",
        "redirect_uri": "http://localhost:8400/callback",
        "scope": "openid profile offline_access Mail.Read",
        "state": "s",
        "nonce": "n",
        "code_challenge": "c",
        "code_challenge_method": "S256",
        "login_hint": "alice@contoso.example",
        "claims": CP1,
    }


async def test_the_prompt_of_the_settings_is_that_of_a_sign_in_without_one(entra: ScriptedEntra) -> None:
    client = entra.client(prompt="consent")
    for changes, prompt in (({}, "consent"), ({"prompt": "none"}, "none")):
        assert parse_qs(urlsplit(await url_of(client, **changes)).query)["prompt"] == [prompt]


async def test_an_endpoint_may_have_a_query_already(entra: ScriptedEntra) -> None:
    entra.metadata["authorization_endpoint"] += "?p=policy"
    assert "/authorize?p=policy&client_id=" in await url_of(entra.client())


async def test_metadata_are_asked_for_once_per_tenant(entra: ScriptedEntra) -> None:
    own = entra.metadata | {"issuer": entra.issuer}
    entra.server.answer(f"/{TENANT_ID}/v2.0/.well-known/openid-configuration", Answer(body=own))
    client = entra.client()
    await asyncio.gather(*(url_of(client) for _ in range(20)), url_of(client, tenant_id=TENANT_ID))
    await url_of(client)
    assert len(entra.server.requests) == 2


@pytest.mark.parametrize("tenant", ["../evil", "a/b", "a?b", "", "-x"])
async def test_a_malformed_tenant_name_never_reaches_the_url(entra: ScriptedEntra, tenant: str) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_TENANT_ID"):
        await url_of(entra.client(tenant_id=tenant))
    assert entra.server.requests == []


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_endpoints_on_another_host_are_refused(entra: ScriptedEntra, name: str) -> None:
    entra.metadata[name] = "https://evil.example/here"
    with pytest.raises(MalformedResponseError, match=f"{name} on another host"):
        await url_of(entra.client())


@pytest.mark.parametrize(
    "issuer", ["https://evil.example/{tenantid}/v2.0", "https://evil.ciamlogin.com/{tenantid}/v2.0", "i", ""]
)
async def test_an_issuer_on_another_host_is_refused(entra: ScriptedEntra, issuer: str) -> None:
    entra.metadata["issuer"] = issuer
    with pytest.raises(MalformedResponseError, match="not on the host of AZURE_AUTHORITY_HOST") as caught:
        await url_of(entra.client())
    assert "AZURE_AUTHORITY_HOST" in caught.value.hint


@pytest.mark.parametrize("tenant", [OTHER_GUID, "{tenantid}"])
async def test_the_issuer_of_another_tenant_is_refused(entra: ScriptedEntra, tenant: str) -> None:
    path = f"/{TENANT_ID}/v2.0/.well-known/openid-configuration"
    metadata = entra.metadata | {"issuer": f"{entra.server.url}/{tenant}/v2.0"}
    entra.server.answer(path, Answer(body=metadata))
    with pytest.raises(
        MalformedResponseError, match=f"another tenant: .*{TENANT_ID} was asked for"
    ) as caught:
        await url_of(entra.client(), tenant_id=TENANT_ID)
    assert "tenant_id" in caught.value.hint


async def test_the_issuer_of_an_external_tenant_has_a_host_of_its_own(entra: ScriptedEntra) -> None:
    path = f"/{TENANT_ID}/v2.0/.well-known/openid-configuration"
    metadata = entra.metadata | {"issuer": f"https://{TENANT_ID}.ciamlogin.com/{TENANT_ID}/v2.0"}
    entra.server.answer(path, Answer(body=metadata))
    assert await url_of(entra.client(), tenant_id=TENANT_ID)


def consent_query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_an_administrator_consents_to_what_the_registration_lists(entra: ScriptedEntra) -> None:
    url = entra.client().admin_consent_url(tenant_id=TENANT_ID)
    assert url.startswith(f"{entra.server.url}/{TENANT_ID}/v2.0/adminconsent?")
    assert consent_query(url) == {
        "client_id": CLIENT_ID,
        "scope": "https://graph.microsoft.com/.default",
        "redirect_uri": "http://localhost:8400/callback",
    }


def test_an_administrator_consents_to_named_permissions(entra: ScriptedEntra) -> None:
    url = entra.client().admin_consent_url(scopes="Mail.Read Mail.Send", state="s")
    assert f"{entra.server.url}/organizations/v2.0/adminconsent" in url
    query = consent_query(url)
    graph = "https://graph.microsoft.com"
    assert (query["scope"], query["state"]) == (f"{graph}/Mail.Read {graph}/Mail.Send", "s")


def test_personal_accounts_have_no_administrator(entra: ScriptedEntra) -> None:
    with pytest.raises(ConfigurationError, match="no administrator"):
        entra.client().admin_consent_url(tenant_id="consumers")


async def test_further_scopes_are_requested_once_each(entra: ScriptedEntra) -> None:
    url = await url_of(entra.client(), scopes="Mail.Send Mail.Read")
    assert consent_query(url)["scope"] == "openid profile offline_access Mail.Read Mail.Send"


@pytest.mark.parametrize("scope", ['Mail"Send', "Mail\\Send", "Mäil.Send"])
async def test_what_cannot_be_a_scope_is_refused(entra: ScriptedEntra, scope: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a scope"):
        await url_of(entra.client(), scopes=scope)


@pytest.mark.parametrize("body", ["<html>", "[]", {"issuer": "i"}])
async def test_malformed_metadata_are_refused(entra: ScriptedEntra, body: Any) -> None:
    entra.server.answer(entra.metadata_path, Answer(body=body))
    with pytest.raises(MalformedResponseError, match="check AZURE_AUTHORITY_HOST"):
        await url_of(entra.client())


async def test_an_unknown_tenant_is_for_the_operator(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.metadata_path, entra.refuse("invalid_tenant", code=90002))
    with pytest.raises(OperatorRequiredError, match="the tenant does not exist"):
        await url_of(entra.client())


async def test_malformed_keys_are_refused(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.keys_path, Answer(body={"keys": "none"}))
    with pytest.raises(MalformedResponseError, match="signing keys"):
        await entra.client().identity(entra.id_token(), nonce="the-nonce")


async def test_a_code_is_exchanged_with_its_verifier_and_the_secret(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, grant(id_token="an-id-token", refresh_in=1800))
    tokens = await exchange(entra.client())
    assert tokens.access_token.get_secret_value() == "access-1"
    assert (tokens.expires_in, tokens.refresh_in, tokens.scope) == (3600, 1800, "Mail.Read")
    assert entra.server.received(entra.token_path)[0].form == {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "code": "the-code",
        "code_verifier": "the-verifier",
        "redirect_uri": "http://localhost:8400/callback",
        "scope": "openid profile offline_access Mail.Read",
        "claims": CP1,
    }
    assert "access-1" not in repr(tokens)
    assert "refresh-1" not in repr(tokens)


async def test_a_public_client_sends_no_secret(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, grant())
    await exchange(entra.client(client_secret=None))
    assert "client_secret" not in entra.server.received(entra.token_path)[0].form


async def test_a_refresh_declares_cp1_and_carries_a_challenge(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, grant())
    client = entra.client()
    challenge = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}},"id_token":{}}'
    await client.refresh(SecretStr("r"))
    await client.refresh(SecretStr("r"), claims=challenge)
    await client.refresh(SecretStr("r"), claims=base64.b64encode(challenge.encode()).decode().rstrip("="))
    plain, merged, decoded = [
        json.loads(sent.form["claims"]) for sent in entra.server.received(entra.token_path)
    ]
    assert plain == json.loads(CP1)
    assert merged["access_token"] == {
        "nbf": {"essential": True, "value": "1604106651"},
        "xms_cc": {"values": ["cp1"]},
    }
    assert merged == decoded


@pytest.mark.parametrize("claims", ["[]", "{", "!!!", "e30x"])
async def test_a_malformed_challenge_is_refused(entra: ScriptedEntra, claims: str) -> None:
    with pytest.raises(MalformedResponseError, match="claims challenge"):
        await entra.client().refresh(SecretStr("r"), claims=claims)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": ["leaky-token"]}, "access_token"),
        ({"token_type": "mac"}, "token_type"),
    ],
)
async def test_a_malformed_grant_is_refused_without_a_value(
    entra: ScriptedEntra, changes: dict[str, Any], field: str
) -> None:
    entra.server.answer(entra.token_path, grant(**changes))
    with pytest.raises(MalformedResponseError, match=field) as caught:
        await exchange(entra.client())
    text = "".join(traceback.format_exception(caught.value))
    assert "access-1" not in text
    assert "leaky-token" not in text


async def test_an_outage_is_waited_out_once(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, Answer(503, "", {"Retry-After": "0"}), grant())
    assert (await entra.client().refresh(SecretStr("r"))).access_token.get_secret_value() == "access-1"


async def test_a_second_outage_is_an_error(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, Answer(429, "", {"Retry-After": "0"}))
    with pytest.raises(APIConnectionError) as caught:
        await entra.client().refresh(SecretStr("r"))
    assert caught.value.status == 429
    assert len(entra.server.received(entra.token_path)) == 2


async def test_a_long_pause_is_left_to_the_caller(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, Answer(429, "", {"Retry-After": "60"}))
    with pytest.raises(APIConnectionError) as caught:
        await entra.client().refresh(SecretStr("r"))
    assert caught.value.retry_after == 60
    assert len(entra.server.received(entra.token_path)) == 1


async def test_a_code_is_never_sent_twice(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.token_path, Answer(503, "", {"Retry-After": "0"}))
    with pytest.raises(APIConnectionError):
        await exchange(entra.client())
    assert len(entra.server.received(entra.token_path)) == 1


async def test_a_secret_echoed_in_a_refusal_does_not_show(entra: ScriptedEntra) -> None:
    refusal = entra.refuse("invalid_grant", error_description=f"Bad the-code, {SECRET} and the-verifier!")
    entra.server.answer(entra.token_path, refusal)
    with pytest.raises(SignInRequiredError) as caught:
        await exchange(entra.client())
    text = "".join(traceback.format_exception(caught.value))
    assert "Bad [redacted], [redacted] and [redacted]!" in text
    assert not [secret for secret in ("the-code,", SECRET, "the-verifier!") if secret in text]


CALLS: list[Callable[[OAuthClient], Awaitable[Any]]] = [
    url_of,
    exchange,
    lambda client: client.refresh(SecretStr("r")),
    lambda client: client.begin_device_code(),
    lambda client: client.client_credentials("x/.default", tenant_id=TENANT_ID),
]


@pytest.mark.parametrize("call", CALLS)
async def test_missing_settings_are_all_named_at_use(
    entra: ScriptedEntra, call: Callable[[OAuthClient], Awaitable[Any]]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await call(entra.client(client_id="", scopes=" "))
    assert caught.value.problems == ("AZURE_CLIENT_ID is not set", "AZURE_SCOPES is not set")
    assert entra.server.requests == []


async def test_an_application_gets_a_token_for_itself(entra: ScriptedEntra) -> None:
    metadata_path = f"/{TENANT_ID}/v2.0/.well-known/openid-configuration"
    entra.server.answer(metadata_path, Answer(body=entra.metadata | {"issuer": entra.issuer}))
    entra.server.answer(entra.token_path, grant(refresh_token=None))
    tokens = await entra.client().client_credentials("https://graph.example/.default", tenant_id=TENANT_ID)
    assert tokens.refresh_token is None
    form = entra.server.received(entra.token_path)[0].form
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "https://graph.example/.default")


async def test_an_application_without_a_credential_gets_an_error_that_names_it(entra: ScriptedEntra) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH"):
        await entra.client(client_secret=None).client_credentials("s", tenant_id=TENANT_ID)


@pytest.mark.parametrize("tenant", ["", "common", "organizations", "consumers"])
async def test_an_application_for_itself_needs_one_tenant(entra: ScriptedEntra, tenant: str) -> None:
    with pytest.raises(ConfigurationError, match="needs one tenant"):
        await entra.client().client_credentials("s", tenant_id=tenant)
