"""The example of a key service, against a server that answers as Vault's transit engine does."""

import base64
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dependency_injector import providers
from pydantic import SecretStr
from vault_keys import VaultKeys, create_keys

from iacs.containers import ApplicationContainer, CoreContainer
from iacs.core.encryption import Encryption
from iacs.core.exceptions import DatabaseError, KeyRefusedError, KeyServiceError
from iacs.core.http_client import HttpClient
from iacs.core.logger import create_logger
from iacs.core.oauth_client import TokenSet
from iacs.core.token_service import TokenService
from iacs.runtime import Application, check
from tests.fixtures.sign_in import ALICE, Identity

TOKEN = "vault-token-that-nobody-may-see"


class Transit:
    """The transit engine with one key, of which there may be several versions."""

    def __init__(self) -> None:
        self.url = ""
        self.versions = [os.urandom(32)]
        self.is_sealed = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.is_sealed:
            return web.json_response({"errors": ["Vault is sealed"]}, status=503)
        if request.headers.get("X-Vault-Token") != TOKEN or request.match_info["key"] != "iacs":
            return web.json_response({"errors": ["permission denied"]}, status=403)
        fields = await request.json()
        associated = base64.b64decode(fields["associated_data"])
        if request.match_info["action"] == "encrypt":
            return self._encrypt(base64.b64decode(fields["plaintext"], validate=True), associated)
        return self._decrypt(fields["ciphertext"], associated)

    def _encrypt(self, plain: bytes, associated: bytes) -> web.Response:
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.versions[-1]).encrypt(nonce, plain, associated)
        version = len(self.versions)
        data = {
            "ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}",
            "key_version": version,
        }
        return web.json_response({"data": data})

    def _decrypt(self, ciphertext: str, associated: bytes) -> web.Response:
        _, version, text = ciphertext.split(":")
        sealed = base64.b64decode(text)
        try:
            plain = AESGCM(self.versions[int(version[1:]) - 1]).decrypt(sealed[:12], sealed[12:], associated)
        except InvalidTag:
            return web.json_response({"errors": ["cipher: message authentication failed"]}, status=400)
        return web.json_response({"data": {"plaintext": base64.b64encode(plain).decode()}})


@pytest.fixture
async def transit() -> AsyncIterator[Transit]:
    engine = Transit()
    application = web.Application()
    application.router.add_post("/v1/transit/{action}/{key}", engine.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    engine.url = f"http://{host}:{port}"
    yield engine
    await runner.cleanup()


@pytest.fixture
def keys(http: HttpClient, transit: Transit) -> VaultKeys:
    return VaultKeys(http, url=transit.url, token=SecretStr(TOKEN))


async def test_a_text_comes_back_for_its_record_alone(keys: VaultKeys) -> None:
    await Encryption(keys).probe()
    written = await Encryption(keys).encrypt("secret", context="alice")
    assert await Encryption(keys).decrypt(written, context="alice") == "secret"
    with pytest.raises(DatabaseError, match="did not encrypt this data key for this record"):
        await Encryption(keys).decrypt(written, context="bob")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_new_version_of_the_key_wraps_the_data_keys_of_all_accounts(
    identity: Identity, keys: VaultKeys, transit: Transit
) -> None:
    def service() -> TokenService:
        logger = create_logger("iacs.test")
        return TokenService(identity.database, identity.oauth_client, Encryption(keys), logger=logger)

    alice = await identity.sign_in(ALICE)
    token = await identity.token_service.access_token(alice)
    tokens: Any = {"access_token": token, "refresh_token": None, "expires_in": 3600}
    await service().store(alice, TokenSet.model_validate(tokens))
    transit.versions.append(os.urandom(32))
    assert (await service().rotate_key()).rotated == 1
    transit.versions[0] = os.urandom(32)  # what was encrypted with the first version is lost

    assert await service().access_token(alice) == token


async def test_a_sealed_vault_is_an_error_that_may_pass(keys: VaultKeys, transit: Transit) -> None:
    transit.is_sealed = True
    with pytest.raises(KeyServiceError, match="Vault answered 503 to encrypt") as caught:
        await Encryption(keys).new_data_key("c")
    assert caught.value.status == 503
    transit.is_sealed = False
    await Encryption(keys).new_data_key("c")


async def test_a_vault_that_is_not_there_is_named_without_its_token(http: HttpClient) -> None:
    keys = VaultKeys(http, url="http://127.0.0.1:1", token=SecretStr(TOKEN))
    with pytest.raises(
        KeyServiceError, match=r"the key service failed: 127\.0\.0\.1:1 cannot be reached"
    ) as caught:
        await Encryption(keys).new_data_key("c")
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_refusal_says_what_to_check(http: HttpClient, transit: Transit) -> None:
    keys = VaultKeys(http, url=transit.url, token=SecretStr("another"))
    with pytest.raises(KeyRefusedError, match="Vault refuses to encrypt with the key iacs") as caught:
        await Encryption(keys).new_data_key("c")
    assert caught.value.hint == "check the policy of VAULT_TOKEN"


async def test_the_setting_names_the_example(transit: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", transit.url)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("TOKEN_KEY_PROVIDER", "vault_keys:create_keys")
    assert check(ApplicationContainer()) == ()
    async with Application(ApplicationContainer(), roots=(Encryption,)) as application:
        written = await application.get(Encryption).encrypt("secret", context="c")
    assert json.loads(written)[0] == "vault:iacs"


async def test_the_container_takes_any_provider(transit: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", transit.url)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    core = providers.Container(CoreContainer, key_provider=providers.Singleton(create_keys))
    container = ApplicationContainer(core=core)
    assert check(container) == ()
    async with Application(container, roots=(Encryption,)) as application:
        await application.get(Encryption).probe()
