import asyncio
import base64
import hashlib
import json
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    MalformedResponseError,
    OperatorRequiredError,
    SignInRequiredError,
)
from iacs.core.oauth_client import OAuthClient, TokenSet
from tests.fixtures.identity import CLIENT_ID, TENANT_ID, Answer, ScriptedEntra, grant, signing_key

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


async def test_an_endpoint_may_have_a_query_already(entra: ScriptedEntra) -> None:
    entra.metadata["authorization_endpoint"] += "?p=policy"
    assert "/authorize?p=policy&client_id=" in await url_of(entra.client())


async def test_metadata_are_asked_for_once_per_tenant(entra: ScriptedEntra) -> None:
    entra.server.answer(f"/{TENANT_ID}/v2.0/.well-known/openid-configuration", Answer(body=entra.metadata))
    client = entra.client()
    await asyncio.gather(*(url_of(client) for _ in range(20)), url_of(client, tenant_id=TENANT_ID))
    await url_of(client)
    assert len(entra.server.requests) == 2


@pytest.mark.parametrize("tenant", ["../evil", "a/b", "a?b", "", "-x"])
async def test_a_tenant_that_is_no_name_never_reaches_the_url(entra: ScriptedEntra, tenant: str) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_TENANT_ID"):
        await url_of(entra.client(tenant_id=tenant))
    assert entra.server.requests == []


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_endpoints_on_another_host_are_refused(entra: ScriptedEntra, name: str) -> None:
    entra.metadata[name] = "https://evil.example/here"
    with pytest.raises(MalformedResponseError, match=f"{name} on another host"):
        await url_of(entra.client())


@pytest.mark.parametrize("body", ["<html>", "[]", {"issuer": "i"}])
async def test_malformed_metadata_are_refused(entra: ScriptedEntra, body: Any) -> None:
    entra.server.answer(entra.metadata_path, Answer(body=body))
    with pytest.raises(MalformedResponseError, match="Check AZURE_AUTHORITY_HOST"):
        await url_of(entra.client())


async def test_an_unknown_tenant_is_for_the_operator(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.metadata_path, entra.refuse("invalid_tenant", code=90002))
    with pytest.raises(OperatorRequiredError, match="no such tenant"):
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
        ({"expires_in": None}, "expires_in"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": "an hour"}, "expires_in"),
        ({"token_type": "mac"}, "token_type"),
        ({"refresh_token": ["leaky-token"]}, "refresh_token"),
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
    assert "Bad ***, *** and ***!" in text
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
    entra.server.answer(metadata_path, Answer(body=entra.metadata))
    entra.server.answer(entra.token_path, grant(refresh_token=None))
    tokens = await entra.client().client_credentials("https://graph.example/.default", tenant_id=TENANT_ID)
    assert tokens.refresh_token is None
    form = entra.server.received(entra.token_path)[0].form
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "https://graph.example/.default")


async def test_an_application_without_a_credential_is_told_which(entra: ScriptedEntra) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH"):
        await entra.client(client_secret=None).client_credentials("s", tenant_id=TENANT_ID)


@pytest.mark.parametrize("tenant", ["", "common", "organizations", "consumers"])
async def test_an_application_for_itself_needs_one_tenant(entra: ScriptedEntra, tenant: str) -> None:
    with pytest.raises(ConfigurationError, match="one tenant's id"):
        await entra.client().client_credentials("s", tenant_id=tenant)


# certificates ------------------------------------------------------------------------------------


def certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "iacs")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, SHA256())


def pem(
    key: Any, *certificates: x509.Certificate, encryption: KeySerializationEncryption | None = None
) -> bytes:
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return bytes(encoded) + b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


@pytest.mark.parametrize("password", [None, "pass word"])
async def test_a_certificate_signs_an_assertion(
    entra: ScriptedEntra, tmp_path: Path, password: str | None
) -> None:
    key, other = signing_key("client"), signing_key("other")
    path = tmp_path / "client.pem"
    encryption = BestAvailableEncryption(password.encode()) if password else None
    path.write_bytes(pem(key, certificate(other), certificate(key), encryption=encryption))
    entra.server.answer(entra.token_path, grant())
    client = entra.client(
        certificate_path=path, certificate_password=SecretStr(password) if password else None
    )
    await client.refresh(SecretStr("r"))
    form = entra.server.received(entra.token_path)[0].form
    assert "client_secret" not in form
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion = form["client_assertion"]
    digest = hashlib.sha256(certificate(key).public_bytes(Encoding.DER)).digest()
    header = jwt.get_unverified_header(assertion)
    assert (header["alg"], header["typ"]) == ("PS256", "JWT")
    assert len(base64.urlsafe_b64decode(header["x5t#S256"] + "=")) == len(digest)
    endpoint = entra.metadata["token_endpoint"]
    claims = jwt.decode(assertion, key.public_key(), algorithms=["PS256"], audience=endpoint)
    assert claims["iss"] == claims["sub"] == CLIENT_ID
    assert claims["nbf"] == claims["iat"] <= time.time()
    assert 300 <= claims["exp"] - claims["iat"] <= 600
    assert all(type(claims[name]) is int for name in ("exp", "iat", "nbf"))


async def test_no_two_assertions_are_the_same(entra: ScriptedEntra, tmp_path: Path) -> None:
    key = signing_key("client")
    (tmp_path / "client.pem").write_bytes(pem(key, certificate(key)))
    entra.server.answer(entra.token_path, grant())
    client = entra.client(certificate_path=tmp_path / "client.pem")
    await client.refresh(SecretStr("r"))
    await client.refresh(SecretStr("r"))
    first, second = [sent.form["client_assertion"] for sent in entra.server.received(entra.token_path)]
    ids = {jwt.decode(each, options={"verify_signature": False})["jti"] for each in (first, second)}
    assert len(ids) == 2


PROTECTED = BestAvailableEncryption(b"right")


@pytest.mark.parametrize(
    ("content", "password", "sentence"),
    [
        (lambda: None, None, "cannot be read"),
        (lambda: b"nothing", None, "holds no private key"),
        (lambda: pem(signing_key("client")), None, "no certificate beside its key"),
        (lambda: pem(signing_key("client"), certificate(signing_key("other"))), None, "belongs to its key"),
        (lambda: pem(generate_ec_key(SECP256R1())), None, "RSA key of at least 2048 bits"),
        (
            lambda: pem(signing_key("client"), encryption=PROTECTED),
            None,
            "set AZURE_CLIENT_CERTIFICATE_PASSWORD",
        ),
        (lambda: pem(signing_key("client"), encryption=PROTECTED), "wrong", "PASSWORD opens"),
        (lambda: pem(signing_key("client")), "needless", "unset AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    ],
)
async def test_a_certificate_that_cannot_be_used_names_the_setting(
    entra: ScriptedEntra,
    tmp_path: Path,
    content: Callable[[], bytes | None],
    password: str | None,
    sentence: str,
) -> None:
    path = tmp_path / "client.pem"
    if (written := content()) is not None:
        path.write_bytes(written)
    client = entra.client(
        certificate_path=path, certificate_password=SecretStr(password) if password else None
    )
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        await client.refresh(SecretStr("r"))
    assert str(caught.value).startswith("AZURE_CLIENT_CERTIFICATE_PATH: ")
    assert password is None or password not in str(caught.value)


# device code -------------------------------------------------------------------------------------


def device(**changes: Any) -> Answer:
    body = {
        "device_code": "the-device-code",
        "user_code": "ABC123",
        "verification_uri": "https://microsoft.com/devicelogin",
        "message": "Enter ABC123",
        "expires_in": 900,
        "interval": 0.01,
    }
    return Answer(body=body | changes)


async def test_a_device_is_granted_once_the_person_has_entered_the_code(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, device())
    pending = entra.refuse("authorization_pending", code=70016)
    entra.server.answer(entra.token_path, pending, Answer(503), pending, grant())
    client = entra.client()
    code = await client.begin_device_code()
    assert (code.user_code, code.message) == ("ABC123", "Enter ABC123")
    assert "the-device-code" not in repr(code)
    assert (await client.poll_device_code(code)).access_token.get_secret_value() == "access-1"
    polls = entra.server.received(entra.token_path)
    assert len(polls) == 4
    assert polls[0].form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert polls[0].form["device_code"] == "the-device-code"


async def test_slow_down_makes_each_pause_five_seconds_longer(
    entra: ScriptedEntra, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("iacs.core.oauth_client.asyncio.sleep", note)
    entra.server.answer(entra.device_path, device(interval=2))
    entra.server.answer(
        entra.token_path,
        entra.refuse("slow_down"),
        entra.refuse("authorization_pending"),
        Answer(429, "", {"Retry-After": "30"}),
        grant(),
    )
    client = entra.client()
    await client.poll_device_code(await client.begin_device_code())
    assert pauses == [2, 7, 7, 30]


async def test_a_device_code_expires(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, device(expires_in=1, interval=60))
    client = entra.client()
    with pytest.raises(AuthenticationError, match="ABC123 was not entered in time"):
        await client.poll_device_code(await client.begin_device_code())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("authorization_declined", "declined"),
        ("expired_token", "not entered in time"),
        ("bad_verification_code", "not known any more"),
    ],
)
async def test_a_device_that_is_refused_stops_polling(
    entra: ScriptedEntra, error: str, sentence: str
) -> None:
    entra.server.answer(entra.device_path, device())
    entra.server.answer(entra.token_path, entra.refuse(error))
    client = entra.client()
    with pytest.raises(AuthenticationError, match=sentence):
        await client.poll_device_code(await client.begin_device_code())
    assert len(entra.server.received(entra.token_path)) == 1


async def test_a_device_code_that_is_refused_says_why(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, entra.refuse("unauthorized_client", code=700016))
    with pytest.raises(OperatorRequiredError, match="AZURE_CLIENT_ID"):
        await entra.client().begin_device_code()


async def test_an_authority_without_device_codes_says_so(entra: ScriptedEntra) -> None:
    del entra.metadata["device_authorization_endpoint"]
    with pytest.raises(OperatorRequiredError, match="use the browser"):
        await entra.client().begin_device_code()
