"""Each claim, key and header of a good token is changed once; each change has its own refusal."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr

from iacs.core._oauth.id_token import key_id, validate
from iacs.core.exceptions import IACSGraphError, InvalidIdTokenError
from tests.fixtures.identity import (
    CLIENT_ID,
    OBJECT_ID,
    OTHER_GUID,
    TENANT_ID,
    Answer,
    ScriptedEntra,
    published,
    signing_key,
)


async def refused(entra: ScriptedEntra, token: SecretStr, *, nonce: str | None = "the-nonce") -> str:
    with pytest.raises(InvalidIdTokenError) as caught:
        await entra.client().identity(token, nonce=nonce)
    assert token.get_secret_value() not in str(caught.value)
    return str(caught.value)


async def test_a_good_token_says_who_signed_in(entra: ScriptedEntra) -> None:
    identity = await entra.client().identity(entra.id_token(), nonce="the-nonce")
    assert (identity.object_id, identity.directory_id) == (OBJECT_ID, TENANT_ID)
    assert (identity.username, identity.name) == ("Alice@contoso.example", "Alice Archer")


async def test_without_a_nonce_none_is_expected(entra: ScriptedEntra) -> None:
    token = entra.id_token(nonce=None)
    assert (await entra.client().identity(token, nonce=None)).object_id == OBJECT_ID


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aud": OTHER_GUID}, "meant for another application"),
        ({"aud": [CLIENT_ID, OTHER_GUID]}, "meant for another application"),
        ({"aud": None}, "lacks the claim aud"),
        ({"iss": None}, "lacks the claim iss"),
        ({"iss": f"https://login.example/{TENANT_ID}/v2.0"}, "another issuer than the metadata"),
        ({"tid": OTHER_GUID}, "another issuer than the metadata"),
        ({"tid": None}, "lacks the claim tid"),
        ({"tid": "contoso.example"}, "tid that is not a GUID"),
        ({"tid": TENANT_ID.replace("-", "")}, "tid that is not a GUID"),
        ({"tid": 7}, "tid that is not a GUID"),
        ({"oid": None}, "lacks the claim oid"),
        ({"oid": ""}, "oid that is not text"),
        ({"oid": 7}, "oid that is not text"),
        ({"sub": None}, "lacks the claim sub"),
        ({"sub": 7}, "malformed"),
        ({"nonce": "another"}, "another sign-in: its nonce differs"),
        ({"nonce": None}, "another sign-in: its nonce differs"),
        ({"nonce": 7}, "another sign-in: its nonce differs"),
        ({"exp": int(time.time()) - 120}, "has expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"exp": "soon"}, "malformed"),
        ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
        ({"iat": int(time.time()) + 86_400}, "not valid yet"),
        ({"iat": None}, "lacks the claim iat"),
    ],
)
async def test_a_changed_claim_is_refused(
    entra: ScriptedEntra, changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in await refused(entra, entra.id_token(**changes))


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"oid": None}, "add profile to AZURE_SCOPES; start the sign-in again"),
        ({"exp": int(time.time()) - 120}, "check this machine's clock; start the sign-in again"),
        ({"sub": None}, "start the sign-in again"),
    ],
)
async def test_the_hint_says_what_to_do(entra: ScriptedEntra, changes: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidIdTokenError) as caught:
        await entra.client().identity(entra.id_token(**changes), nonce="the-nonce")
    assert caught.value.hint == hint


async def test_clocks_may_differ_a_little(entra: ScriptedEntra) -> None:
    now = int(time.time())
    token = entra.id_token(exp=now - 30, nbf=now + 30, iat=now + 30)
    assert (await entra.client().identity(token, nonce="the-nonce")).object_id == OBJECT_ID


async def test_another_directory_is_refused_where_the_issuer_is_concrete(entra: ScriptedEntra) -> None:
    entra.metadata["issuer"] = entra.issuer
    assert "another directory than its tid" in await refused(entra, entra.id_token(tid=OTHER_GUID))


async def test_a_key_of_another_issuer_is_refused(entra: ScriptedEntra) -> None:
    foreign = published("current", issuer=f"{entra.server.url}/{OTHER_GUID}/v2.0")
    entra.server.answer(entra.keys_path, Answer(body={"keys": [foreign]}))
    assert "key of another issuer" in await refused(entra, entra.id_token())


@pytest.mark.parametrize("issuer", [None, "{server}/{{tenantid}}/v2.0"])
async def test_a_key_may_be_for_every_tenant(entra: ScriptedEntra, issuer: str | None) -> None:
    key = published("current", **({"issuer": issuer.format(server=entra.server.url)} if issuer else {}))
    entra.server.answer(entra.keys_path, Answer(body={"keys": [key]}))
    assert (await entra.client().identity(entra.id_token(), nonce="the-nonce")).object_id == OBJECT_ID


async def test_a_signature_of_another_key_is_refused(entra: ScriptedEntra) -> None:
    assert "signature that does not match" in await refused(entra, entra.id_token(signed_by="other"))


async def test_a_payload_changed_after_signing_is_refused(entra: ScriptedEntra) -> None:
    header, _, signature = entra.id_token().get_secret_value().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(entra.claims(oid=OTHER_GUID)).encode()).decode()
    forged = SecretStr(f"{header}.{payload.rstrip('=')}.{signature}")
    assert "signature that does not match" in await refused(entra, forged)


async def test_an_unsigned_token_is_refused(entra: ScriptedEntra) -> None:
    token = jwt.encode(entra.claims(), "", algorithm="none", headers={"kid": "current"})
    assert "not signed with RS256" in await refused(entra, SecretStr(token))


async def test_a_token_signed_with_a_shared_secret_is_refused(entra: ScriptedEntra) -> None:
    token = jwt.encode(entra.claims(), "n" * 64, algorithm="HS256", headers={"kid": "current"})
    assert "not signed with RS256" in await refused(entra, SecretStr(token))


async def test_another_rsa_algorithm_is_refused(entra: ScriptedEntra) -> None:
    token = jwt.encode(entra.claims(), signing_key("current"), algorithm="PS256", headers={"kid": "current"})
    assert "not signed with RS256" in await refused(entra, SecretStr(token))


async def test_a_token_that_names_no_key_is_refused(entra: ScriptedEntra) -> None:
    token = jwt.encode(entra.claims(), signing_key("current"), algorithm="RS256")
    assert "does not name its key" in await refused(entra, SecretStr(token))


async def test_a_published_key_that_is_not_rsa_is_refused(entra: ScriptedEntra) -> None:
    key = generate_ec_key(SECP256R1()).public_key()
    jwk = {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": "current"}
    entra.server.answer(entra.keys_path, Answer(body={"keys": [jwk]}))
    assert "not an RSA key" in await refused(entra, entra.id_token())


async def test_an_unknown_key_is_looked_for_once_more(entra: ScriptedEntra) -> None:
    client = entra.client()
    await client.identity(entra.id_token(), nonce="the-nonce")
    entra.server.answer(entra.keys_path, Answer(body={"keys": [published("rolled")]}))
    identity = await client.identity(entra.id_token(kid="rolled"), nonce="the-nonce")
    assert identity.object_id == OBJECT_ID
    assert len(entra.server.received(entra.keys_path)) == 2


async def test_a_key_that_is_not_published_is_refused_after_one_more_look(entra: ScriptedEntra) -> None:
    assert "does not publish" in await refused(entra, entra.id_token(kid="unknown"))
    assert len(entra.server.received(entra.keys_path)) == 1


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text() | st.text(alphabet="abcXYZ019-_.=", max_size=40))
def test_anything_else_is_refused_with_a_sentence(token: str) -> None:
    with pytest.raises(InvalidIdTokenError, match="the id token"):
        key_id(SecretStr(token))


@pytest.mark.parametrize("payload", [b"[]", b"\xff", b"7", b"{}"])
def test_a_signed_token_without_claims_is_refused(payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, signing_key("current"), "RS256", {"kid": "current"})
    with pytest.raises(IACSGraphError, match="the id token"):
        validate(SecretStr(token), key=published("current"), issuer="i", client_id=CLIENT_ID, nonce=None)
