"""JSON that nests more deeply than Python's parser can follow is malformed, wherever it comes from."""

from base64 import urlsafe_b64encode

import pytest
from pydantic import SecretStr

from iacs.auth.directory import Directory
from iacs.core._oauth.errors import read_problem
from iacs.core._oauth.id_token import key_id
from iacs.core.exceptions import APIConnectionError, InvalidIdTokenError, MalformedResponseError
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient, decode_challenge
from tests.fixtures.identity import CLIENT_ID, TENANT_ID, Answer, ScriptedServer

DEEP = '{"a":' * 100_000


def test_a_refusal_is_none() -> None:
    assert read_problem(DEEP.encode()) is None


def test_a_challenge_is_refused() -> None:
    with pytest.raises(MalformedResponseError, match="claims challenge"):
        decode_challenge(DEEP)


def test_the_header_of_an_id_token_is_refused() -> None:
    header = urlsafe_b64encode(DEEP.encode()).decode().rstrip("=")
    with pytest.raises(InvalidIdTokenError):
        key_id(SecretStr(f"{header}.e30.AAAA"))


async def test_metadata_are_refused(server: ScriptedServer, http: HttpClient) -> None:
    server.answer(f"/{TENANT_ID}/v2.0/.well-known/openid-configuration", Answer(200, DEEP))
    client = OAuthClient(
        http,
        client_id=CLIENT_ID,
        authority_host=server.url,
        tenant_id=TENANT_ID,
        redirect_uri="http://localhost:8400/callback",
        scopes="User.Read",
    )
    with pytest.raises(MalformedResponseError, match="not JSON"):
        await client.probe()


async def test_a_profile_is_refused(server: ScriptedServer, http: HttpClient) -> None:
    server.answer("/me", Answer(200, DEEP))
    with pytest.raises(APIConnectionError, match="did not return the profile"):
        await Directory(http, graph_url=server.url).addresses(SecretStr("token"), object_id="id")
