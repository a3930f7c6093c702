"""Entra ID's side, asked with a plain HTTP client."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.sandbox.entra.conftest import ALICE, REDIRECT, Client


async def test_a_sign_in_gives_tokens_for_the_person(client: Client) -> None:
    status, tokens = await client.redeem(await client.code())
    assert status == 200
    assert "offline_access" not in tokens["scope"]
    keys_url = f"{client.cloud.url}/common/discovery/v2.0/keys"
    (key,) = (await (await client.session.get(keys_url)).json())["keys"]
    claims = jwt.decode(
        tokens["id_token"], jwt.PyJWK(key).key, algorithms=["RS256"], audience=client.cloud.client_id
    )
    assert (claims["nonce"], claims["preferred_username"]) == ("n", ALICE)
    assert claims["iss"] == key["issuer"].replace("{tenantid}", client.cloud.tenant_id)
    assert claims["tid"] == client.cloud.tenant_id
    assert {tokens["access_token"], tokens["refresh_token"], tokens["id_token"]} <= set(client.cloud.issued)


async def test_the_common_issuer_is_a_template(client: Client) -> None:
    for tenant, expected in (("common", "{tenantid}"), (client.cloud.tenant_id, client.cloud.tenant_id)):
        url = f"{client.cloud.url}/{tenant}/v2.0/.well-known/openid-configuration"
        metadata = await (await client.session.get(url)).json()
        assert metadata["issuer"] == f"{client.cloud.url}/{expected}/v2.0"
        assert metadata["token_endpoint"] == f"{client.cloud.url}/{tenant}/oauth2/v2.0/token"


async def test_a_code_is_good_once(client: Client) -> None:
    code = await client.code()
    assert (await client.redeem(code))[0] == 200
    status, error = await client.redeem(code)
    assert (status, error["error"], error["error_codes"]) == (400, "invalid_grant", [54005])
    assert error["error_description"].startswith("AADSTS54005: ")


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"code_verifier": "another"}, "invalid_grant", 501481),
        ({"code_verifier": ""}, "invalid_grant", 501481),
        ({"redirect_uri": "http://localhost:1/other"}, "invalid_grant", 500112),
        ({"client_secret": "wrong"}, "invalid_client", 7000215),
        ({"client_secret": ""}, "invalid_client", 7000218),
        ({"client_id": "another"}, "unauthorized_client", 700016),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003),
        ({"code": "made-up"}, "invalid_grant", 70000),
        ({"tenant": "nowhere.example"}, "invalid_request", 90002),
    ],
)
async def test_a_code_is_refused_to(client: Client, changes: dict[str, str], error: str, number: int) -> None:
    status, body = await client.redeem(await client.code(), **changes)
    assert status in {400, 401}
    assert (body["error"], body["error_codes"]) == (error, [number])


async def test_a_replaced_refresh_token_still_works_unless_rotation_is_strict(client: Client) -> None:
    _, first = await client.redeem(await client.code())
    _, second = await client.refresh(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (await client.refresh(first["refresh_token"]))[0] == 200
    client.cloud.behaviour.strict_rotation = True
    status, error = await client.refresh(first["refresh_token"])
    assert (status, error["error"]) == (400, "invalid_grant")
    assert (await client.refresh(second["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_a_revoked_person_must_sign_in_again(client: Client) -> None:
    _, tokens = await client.redeem(await client.code())
    client.cloud.revoke(ALICE)
    assert (await client.refresh(tokens["refresh_token"]))[1]["error_codes"] == [50173]
    _, again = await client.redeem(await client.code())
    assert (await client.refresh(again["refresh_token"]))[0] == 200


async def test_a_secret_may_come_as_http_basic(client: Client) -> None:
    basic = aiohttp.encode_basic_auth(client.cloud.client_id, client.cloud.client_secret.replace("~", "%7E"))
    status, _ = await client.redeem(
        await client.code(), client_id="", client_secret="", headers={"Authorization": basic}
    )
    assert status == 200


async def test_an_application_signs_in_by_itself_in_its_own_tenant_only(client: Client) -> None:
    scope = "https://graph.microsoft.com/.default"
    status, tokens = await client.token(grant_type="client_credentials", scope=scope)
    assert status == 200
    assert "refresh_token" not in tokens
    refused = await client.token(tenant="common", grant_type="client_credentials", scope=scope)
    assert refused[1]["error_codes"] == [9001023]


def certificate(*, days: int = 1) -> tuple[rsa.RSAPrivateKey, bytes, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    thumbprint = base64.urlsafe_b64encode(built.fingerprint(hashes.SHA256())).decode()
    return key, built.public_bytes(serialization.Encoding.PEM), thumbprint


async def test_an_assertion_like_msal_sends_is_verified(client: Client) -> None:
    key, pem, thumbprint = certificate()
    client.cloud.register_certificate(pem)
    now = datetime.now(UTC).timestamp()
    claims = {
        "aud": f"{client.cloud.url}/{client.cloud.tenant_id}/oauth2/v2.0/token",
        "iss": client.cloud.client_id, "sub": client.cloud.client_id, "jti": "1", "iat": now, "exp": now + 300,
    }  # fmt: skip

    async def status(signer: rsa.RSAPrivateKey, x5t: str) -> int:
        assertion = jwt.encode(claims, signer, algorithm="PS256", headers={"x5t#S256": x5t})
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        form = {"client_secret": "", "client_assertion": assertion, "client_assertion_type": kind}
        return (await client.redeem(await client.code(), **form))[0]

    assert await status(key, thumbprint) == 200
    assert await status(key, thumbprint.rstrip("=")) == 200
    assert await status(certificate()[0], thumbprint) == 401
    expired, pem, thumbprint = certificate(days=-1)
    client.cloud.register_certificate(pem)
    assert await status(expired, thumbprint) == 401
    assert await status(key, "unknown") == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"login_hint": "", "prompt": "none"}, "login_required"),
    ],
)
async def test_a_refusal_goes_back_to_the_application(
    client: Client, changes: dict[str, str], error: str
) -> None:
    answer = await client.authorize(**changes)
    sent_back = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert (sent_back["error"], sent_back["state"]) == (error, "s")


@pytest.mark.parametrize("changes", [{"client_id": "another"}, {"redirect_uri": "https://evil.example/"}])
async def test_a_foreign_application_is_never_redirected_to(client: Client, changes: dict[str, str]) -> None:
    answer = await client.authorize(**changes)
    assert answer.status == 400
    assert "Location" not in answer.headers


async def test_a_page_asks_who_signs_in_and_escapes_what_it_was_sent(client: Client) -> None:
    answer = await client.authorize(login_hint="", state='"><script>')
    text = await answer.text()
    assert answer.status == 200
    assert all(address in text for address in client.cloud.addresses)
    assert "<script>" not in text


@pytest.mark.parametrize(("mode", "mark"), [("query", "?"), ("fragment", "#")])
async def test_the_response_mode_decides_where_the_code_is(client: Client, mode: str, mark: str) -> None:
    answer = await client.authorize(response_mode=mode)
    assert answer.headers["Location"].startswith(f"{REDIRECT}{mark}code=")


async def test_a_scripted_refusal_meets_only_its_grant(client: Client) -> None:
    fault = client.cloud.faults.entra(
        "invalid_grant", number=50076, suberror="basic_action", claims="{}", grant_type="refresh_token"
    )
    _, tokens = await client.redeem(await client.code())
    status, error = await client.refresh(tokens["refresh_token"])
    assert (status, error["error"], error["suberror"], error["claims"]) == (
        400,
        "invalid_grant",
        "basic_action",
        "{}",
    )
    assert fault.applied == 1
    assert (await client.refresh(tokens["refresh_token"]))[0] == 200


async def test_a_scripted_refusal_at_the_authorize_page_is_redirected(client: Client) -> None:
    client.cloud.faults.entra("access_denied", number=65004, path="*/authorize")
    answer = await client.authorize()
    assert "error=access_denied" in answer.headers["Location"]
