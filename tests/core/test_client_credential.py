"""An application that proves itself with a certificate."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    ConfigurationError,
    DegradedError,
    OperatorRequiredError,
)
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient
from iacs.sandbox import Sandbox
from tests.fixtures.identity import CLIENT_ID, ScriptedEntra, grant, signing_key


def certificate(key: RSAPrivateKey, *, days: float = 1) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "iacs")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=days))
    return builder.sign(key, SHA256())


def pem(
    key: Any, *certificates: x509.Certificate, encryption: KeySerializationEncryption | None = None
) -> bytes:
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return bytes(encoded) + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


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
    ids = {jwt.decode(assertion, options={"verify_signature": False})["jti"] for assertion in (first, second)}
    assert len(ids) == 2


PROTECTED = BestAvailableEncryption(b"right")


@pytest.mark.parametrize(
    ("content", "password", "sentence"),
    [
        (lambda: None, None, "cannot be read"),
        (lambda: b"nothing", None, "contains no private key"),
        (lambda: pem(signing_key("client")), None, "contains no certificate"),
        (
            lambda: pem(signing_key("client"), certificate(signing_key("other"))),
            None,
            "no certificate for its private key",
        ),
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


def sandboxed(cloud: Sandbox, http: HttpClient, **credential: Any) -> OAuthClient:
    return OAuthClient(
        http,
        client_id=cloud.client_id,
        authority_host=cloud.authority_host,
        tenant_id=cloud.tenant_id,
        redirect_uri="http://localhost:8400/callback",
        scopes="openid profile Mail.Read",
        **credential,
    )


async def test_the_stand_in_verifies_the_assertion_over_https(secure_cloud: Sandbox, tmp_path: Path) -> None:
    key = signing_key("client")
    secure_cloud.register_certificate(certificate(key).public_bytes(Encoding.PEM))
    path = tmp_path / "client.pem"
    path.write_bytes(pem(key, certificate(key)))
    async with HttpClient(ca_file=secure_cloud.ca_file) as http:
        client = sandboxed(secure_cloud, http, certificate_path=path)
        tokens = await client.client_credentials("https://graph.microsoft.com/.default", tenant_id="")
    assert tokens.access_token.get_secret_value() in secure_cloud.issued
    assert tokens.refresh_token is None


async def test_an_unknown_certificate_is_for_the_operator(
    cloud: Sandbox, http: HttpClient, tmp_path: Path
) -> None:
    cloud.register_certificate(certificate(signing_key("other")).public_bytes(Encoding.PEM))
    path = tmp_path / "client.pem"
    path.write_bytes(pem(signing_key("client"), certificate(signing_key("client"))))
    with pytest.raises(OperatorRequiredError, match="certificate is unknown to the app registration"):
        await sandboxed(cloud, http, certificate_path=path).client_credentials("x/.default", tenant_id="")


async def test_a_wrong_secret_is_for_the_operator_and_is_not_quoted(cloud: Sandbox, http: HttpClient) -> None:
    client = sandboxed(cloud, http, client_secret=SecretStr("hunter2"))
    with pytest.raises(OperatorRequiredError, match="the client secret is wrong") as caught:
        await client.client_credentials("x/.default", tenant_id="")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("days", "is_near"), [(29, True), (40, False)])
async def test_a_certificate_that_expires_within_30_days_degrades_the_health(
    entra: ScriptedEntra, tmp_path: Path, days: int, is_near: bool
) -> None:
    path, key = tmp_path / "client.pem", signing_key("client")
    path.write_bytes(pem(key, certificate(key, days=days)))
    client = entra.client(client_secret=None, certificate_path=path)
    if not is_near:
        assert await client.probe()
        return
    with pytest.raises(DegradedError, match="the client certificate expires on") as caught:
        await client.probe()
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in caught.value.hint


@pytest.mark.parametrize(
    ("days", "problem"), [(30, "secret expires on"), (-1, "secret expired on"), (31, "")]
)
async def test_a_secret_that_expires_within_30_days_degrades_the_health(
    entra: ScriptedEntra, days: int, problem: str
) -> None:
    expires = (datetime.now(UTC) + timedelta(days=days)).date()
    client = entra.client(client_secret_expires=expires)
    if not problem:
        assert await client.probe()
        return
    with pytest.raises(DegradedError, match=f"the client {problem} {expires}"):
        await client.probe()
