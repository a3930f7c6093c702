"""The data key of each account, and what happens to its tokens while the key service cannot be used."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.account import AccountTokens
from iacs.auth import AuthService, Directory
from iacs.core import clock
from iacs.core._tokens import data_keys
from iacs.core.encryption import Encryption
from iacs.core.exceptions import DatabaseError, KeyRefusedError, KeyServiceError, SignInRequiredError
from iacs.core.key_provider import KeyRing, WrappedKey
from iacs.core.logger import create_logger
from iacs.core.token_service import TokenService
from iacs.core.transaction import Transaction
from tests.fixtures.sign_in import ALICE, BOB, OLD_KEY, Identity, new_tokens

LOGGER = create_logger("iacs.test")


class KeyService(KeyRing):
    """A key service with the key of the settings, which fails when it has to."""

    def __init__(self) -> None:
        super().__init__(SecretStr(OLD_KEY))
        self.failure: BaseException | None = None
        self.refused = ""
        self.frozen: asyncio.Event | None = None
        self.arrived = asyncio.Semaphore(0)

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        await self._answer(context)
        return await super().wrap(key, context=context)

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        await self._answer(context)
        return await super().unwrap(wrapped, context=context)

    async def _answer(self, context: str) -> None:
        self.arrived.release()
        if self.frozen is not None:
            await self.frozen.wait()
        if self.failure is not None:
            raise self.failure
        if self.refused and context.endswith(self.refused):
            raise KeyRefusedError("access to the key is denied")


def token_service(identity: Identity, keys: KeyService, **options: Any) -> TokenService:
    encryption = Encryption(keys, cache_seconds=0, **options)
    return TokenService(identity.database, identity.oauth_client, encryption, logger=LOGGER)


def auth_service(identity: Identity, keys: KeyService) -> AuthService:
    encryption = Encryption(keys, cache_seconds=0)
    service = TokenService(identity.database, identity.oauth_client, encryption, logger=LOGGER)
    directory = Directory(identity.http, graph_url=identity.cloud.graph_url)
    return AuthService(
        identity.database,
        identity.oauth_client,
        service,
        encryption,
        identity.accounts,
        directory,
        logger=LOGGER,
    )


def key_rows(identity: Identity) -> dict[str, dict[str, Any]]:
    with identity.database.transaction() as tx:
        rows = [data_keys.read(tx, account_id) for account_id in data_keys.account_ids(tx)]
        return {row["account_id"]: dict(row) for row in rows if row}


async def execute(identity: Identity, sql: str, **values: object) -> None:
    def run(tx: Transaction) -> None:
        assert tx.execute(sql, values) == 1

    await identity.database.run(run)


async def test_each_account_has_a_data_key_and_a_new_one_at_each_sign_in(
    identity: Identity, alice: str
) -> None:
    bob = await identity.sign_in(BOB)
    first = key_rows(identity)
    assert first.keys() == {alice, bob}
    assert first[alice]["wrapped_key"] != first[bob]["wrapped_key"]

    identity.expire()
    await identity.another_process().access_token(alice)
    assert key_rows(identity) == first

    await identity.sign_in(ALICE)
    assert key_rows(identity)[alice]["wrapped_key"] != first[alice]["wrapped_key"]
    assert key_rows(identity)[bob] == first[bob]


async def test_the_data_key_of_another_account_is_refused(identity: Identity, alice: str) -> None:
    bob = await identity.sign_in(BOB)
    key = key_rows(identity)[bob]["wrapped_key"]
    await execute(
        identity, "UPDATE iacs_data_keys SET wrapped_key = :key WHERE account_id = :id", key=key, id=alice
    )
    with pytest.raises(DatabaseError, match="belongs to another record"):
        await identity.another_process().access_token(alice)


@pytest.mark.parametrize("failure", [OSError("unreachable"), KeyRefusedError("access to the key is denied")])
async def test_without_a_key_service_nothing_is_renewed_or_lost(
    identity: Identity, alice: str, failure: Exception
) -> None:
    identity.expire()
    before, keys = (identity.row(ALICE), key_rows(identity)), KeyService()
    service = token_service(identity, keys)
    keys.failure = failure
    with pytest.raises(KeyServiceError):
        await service.access_token(alice)
    assert (identity.row(ALICE), key_rows(identity)) == before
    assert identity.token_requests() == 0

    keys.failure = None
    assert await service.access_token(alice)
    assert identity.token_requests() == 1


async def test_a_data_key_is_had_before_the_refresh_token_is_spent(identity: Identity, alice: str) -> None:
    identity.expire()
    keys = KeyService()
    service = token_service(identity, keys)
    request = identity.oauth_client.refresh

    async def refresh(*args: Any, **options: Any) -> Any:
        keys.failure = OSError("unreachable from now on")
        return await request(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity.oauth_client, "refresh", refresh)
        with pytest.raises(KeyServiceError):
            await service.access_token(alice)  # it is stored, and cannot be read again for now
    keys.failure = None
    assert await service.access_token(alice)
    assert identity.token_requests() == 1


async def test_a_token_in_memory_outlives_an_outage_of_the_key_service(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeyService()
    service = token_service(identity, keys)
    await service.store(alice, new_tokens(expires_in=3600, refresh_in=1800))
    token = await service.access_token(alice)
    keys.failure, later = OSError("unreachable"), clock.now() + timedelta(seconds=2000)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert await service.access_token(alice) == token
    later += timedelta(seconds=2000)
    with pytest.raises(KeyServiceError):
        await service.access_token(alice)


async def test_a_callback_works_once_the_key_service_is_back(identity: Identity) -> None:
    keys = KeyService()
    auth = auth_service(identity, keys)
    callback = await identity.visit((await auth.begin(ALICE)).url)
    keys.failure = OSError("unreachable")
    with pytest.raises(KeyServiceError):
        await auth.complete(callback)

    keys.failure = None
    assert (await auth.complete(callback)).account == ALICE
    assert await identity.another_process().access_token(identity.account_ids[ALICE])


async def test_tokens_of_a_sign_in_are_stored_though_the_key_service_fails_meanwhile(
    identity: Identity,
) -> None:
    keys = KeyService()
    auth = auth_service(identity, keys)
    callback = await identity.visit((await auth.begin(ALICE)).url)
    exchange = identity.oauth_client.exchange_code

    async def exchange_code(*args: Any, **options: Any) -> Any:
        keys.failure = OSError("unreachable from now on")
        return await exchange(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity.oauth_client, "exchange_code", exchange_code)
        assert (await auth.complete(callback)).account == ALICE
    assert await identity.another_process().access_token(identity.account_ids[ALICE])


async def test_no_transaction_waits_for_a_frozen_key_service(identity: Identity, alice: str) -> None:
    identity.expire()
    keys = KeyService()
    keys.frozen = asyncio.Event()
    waiting = [
        asyncio.create_task(token_service(identity, keys).access_token(alice)),
        asyncio.create_task(token_service(identity, keys).rotate_key()),
        asyncio.create_task(auth_service(identity, keys).begin(ALICE)),
    ]
    async with asyncio.timeout(30):
        for _ in waiting:
            await keys.arrived.acquire()
        await identity.token_service.store(identity.account_ids[BOB], new_tokens())
        keys.frozen.set()
        await asyncio.gather(*waiting)


async def test_a_frozen_key_service_is_an_error_after_the_limit(identity: Identity, alice: str) -> None:
    identity.expire()
    keys = KeyService()
    keys.frozen = asyncio.Event()
    async with asyncio.timeout(10):
        with pytest.raises(KeyServiceError, match=r"did not unwrap a data key within 0\.05 seconds"):
            await token_service(identity, keys, timeout_seconds=0.05).access_token(alice)


async def test_a_deleted_data_key_makes_tokens_unreadable_for_ever(identity: Identity, alice: str) -> None:
    copy = key_rows(identity)[alice]
    await execute(identity, "DELETE FROM iacs_data_keys WHERE account_id = :id", id=alice)
    tokens = AccountTokens(identity.accounts, identity.another_process(), logger=LOGGER)
    for _ in range(2):
        with pytest.raises(SignInRequiredError, match="the key of the tokens of this account was deleted"):
            await tokens.access_token(alice)
        assert await identity.status(ALICE) == "sign_in_required"

    await identity.sign_in(ALICE)
    assert await identity.another_process().access_token(alice)
    assert key_rows(identity)[alice]["wrapped_key"] != copy["wrapped_key"]


async def test_signing_out_deletes_the_data_key(identity: Identity, alice: str) -> None:
    await identity.auth.sign_out(ALICE)
    assert alice not in key_rows(identity)


async def test_a_rotation_wraps_data_keys_and_leaves_tokens_alone(identity: Identity, alice: str) -> None:
    tokens, before = identity.row(ALICE), key_rows(identity)[alice]
    new = Encryption.new_key()
    encryption = Encryption(SecretStr(f"{new},{OLD_KEY}"))
    service = TokenService(identity.database, identity.oauth_client, encryption, logger=LOGGER)
    await service.rotate_key()

    after = key_rows(identity)[alice]
    assert after["wrapping_key_id"] != before["wrapping_key_id"]
    assert after["created_at"] == before["created_at"]
    changed = {"wrapped_key", "wrapping_key_id"}
    assert {name: value for name, value in (identity.row(ALICE) or {}).items() if name not in changed} == {
        name: value for name, value in (tokens or {}).items() if name not in changed
    }


async def test_a_sign_in_during_a_rotation_keeps_its_own_data_key(identity: Identity, alice: str) -> None:
    keys = KeyService()
    keys.frozen = asyncio.Event()
    rotating = asyncio.create_task(token_service(identity, keys).rotate_key())
    async with asyncio.timeout(30):
        await keys.arrived.acquire()
        await identity.token_service.store(alice, new_tokens(7))
        keys.frozen.set()
        assert (await rotating).problems == {}
    assert (await identity.another_process().access_token(alice)).get_secret_value() == "access-7"


async def test_a_rotation_names_the_accounts_whose_key_is_refused(identity: Identity, alice: str) -> None:
    await identity.sign_in(BOB)
    keys = KeyService()
    keys.refused = alice
    rotation = await token_service(identity, keys).rotate_key()
    assert (rotation.rotated, rotation.problems) == (1, {alice: "access to the key is denied"})


async def test_a_rotation_without_a_key_service_ends_at_once_and_can_be_repeated(
    identity: Identity, alice: str
) -> None:
    keys = KeyService()
    keys.failure = OSError("unreachable")
    before = key_rows(identity)
    with pytest.raises(KeyServiceError):
        await token_service(identity, keys).rotate_key()
    assert key_rows(identity) == before
    keys.failure = None
    assert (await token_service(identity, keys).rotate_key()).rotated == 1


async def test_an_application_gets_a_new_data_key_when_the_old_one_cannot_be_read(identity: Identity) -> None:
    service = identity.token_service
    application = service.application_id(identity.cloud.tenant_id)
    await service.access_token(application, tenant_id=identity.cloud.tenant_id)
    for sql in (
        "UPDATE iacs_data_keys SET wrapping_key_id = 'lost' WHERE account_id = :id",
        "UPDATE iacs_data_keys SET wrapped_key = 'AAAA' WHERE account_id = :id",
        "DELETE FROM iacs_data_keys WHERE account_id = :id",
    ):
        await execute(identity, sql, id=application)
        token = await identity.another_process().access_token(application, tenant_id=identity.cloud.tenant_id)
        assert (
            await identity.another_process().access_token(application, tenant_id=identity.cloud.tenant_id)
            == token
        )


async def test_an_application_waits_for_the_key_service(identity: Identity) -> None:
    keys = KeyService()
    service = token_service(identity, keys)
    application = service.application_id(identity.cloud.tenant_id)
    await service.access_token(application, tenant_id=identity.cloud.tenant_id)
    identity.expire()
    keys.failure = OSError("unreachable")
    with pytest.raises(KeyServiceError):
        await token_service(identity, keys).access_token(application, tenant_id=identity.cloud.tenant_id)
    assert identity.token_requests("client_credentials") == 1
